import { expect, test } from 'vitest'
import { parseSpiffeId, principalOf } from './identity.ts'

test('an ID in the path form of Istio names namespace and service account', () => {
  expect(parseSpiffeId('spiffe://shop.example/ns/shop/sa/web')).toEqual({
    id: 'spiffe://shop.example/ns/shop/sa/web',
    trustDomain: 'shop.example',
    path: '/ns/shop/sa/web',
    namespace: 'shop',
    serviceAccount: 'web',
  })
})

test('any other path is an identity without a namespace', () => {
  expect(parseSpiffeId('spiffe://td/agent/7')).toEqual({
    id: 'spiffe://td/agent/7',
    trustDomain: 'td',
    path: '/agent/7',
  })
  expect(parseSpiffeId('spiffe://td')?.path).toBe('')
})

test.each([
  'spiffe://',
  'https://td/ns/a/sa/b',
  'spiffe://TD/x',
  'spiffe://td/a//b',
  'spiffe://td/a/',
  'spiffe://td/../a',
  'spiffe://td:80/a',
  'spiffe://td/a?b',
  `spiffe://td/${'a'.repeat(2048)}`,
])('%s is no SPIFFE ID', (text) => {
  expect(parseSpiffeId(text)).toBeUndefined()
})

test('the principal is the user where there is one, else the workload', () => {
  const workload = {
    id: 'spiffe://td/a',
    trustDomain: 'td',
    path: '/a',
    from: 'source.principal',
  } as const
  expect(principalOf({ status: 'verified', subject: 'alice', workload })).toBe('alice')
  expect(principalOf({ status: 'anonymous', workload })).toBe('spiffe://td/a')
  expect(principalOf({ status: 'anonymous' })).toBe('anonymous')
})
