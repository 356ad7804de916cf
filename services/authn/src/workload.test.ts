import fc from 'fast-check'
import { expect, test } from 'vitest'
import { FORWARDED_CHARS_MAX, parseForwardedClientCert } from './forwarded-client-cert.ts'
import { workloadOf } from './workload.ts'

const WEB = 'spiffe://cluster.local/ns/shop/sa/web'
const GATEWAY = 'spiffe://cluster.local/ns/edge/sa/gateway'

function parsed(header: string): Record<string, readonly string[]>[] | undefined {
  return parseForwardedClientCert(header)?.map((element) => Object.fromEntries(element))
}

test('the header of one hop is taken apart', () => {
  expect(parsed(`By=${GATEWAY};Hash=468ed33be74eee6556d90c0149c1309e;URI=${WEB}`)).toEqual([
    { by: [GATEWAY], hash: ['468ed33be74eee6556d90c0149c1309e'], uri: [WEB] },
  ])
})

test('a quoted value may hold separators and escaped quotes', () => {
  const header = `Hash=ab;Subject="/C=US, O=\\"Shop; Inc\\"/CN=a=b";URI=${WEB};DNS=a;DNS=b`
  expect(parsed(header)).toEqual([
    { hash: ['ab'], subject: ['/C=US, O="Shop; Inc"/CN=a=b'], uri: [WEB], dns: ['a', 'b'] },
  ])
})

test('several hops are several elements, the nearest last', () => {
  expect(parsed(`URI=${WEB}, By=x;URI=${GATEWAY}`)).toEqual([
    { uri: [WEB] },
    { by: ['x'], uri: [GATEWAY] },
  ])
})

test('keys are the same in every case, and values may be empty', () => {
  expect(parsed('uRi=;SUBJECT=""')).toEqual([{ uri: [''], subject: [''] }])
})

test.for([
  '',
  'URI',
  '=x',
  'URI="spiffe://a',
  'URI="spiffe://a"x',
  'URI=spi"ffe://a',
  'URI=a;',
  'URI=a,',
  ',URI=a',
  'URI=a;;By=b',
  'U RI=a',
  `URI=${'a'.repeat(FORWARDED_CHARS_MAX)}`,
])('a malformed header is none: %j', (header) => {
  expect(parsed(header)).toBeUndefined()
})

test('every value that is quoted is read back, whatever it holds', () => {
  fc.assert(
    fc.property(fc.array(fc.string(), { minLength: 1, maxLength: 5 }), (values) => {
      const quote = (value: string) => `"${value.replaceAll(/["\\]/g, '\\$&')}"`
      const header = values.map((value) => `Subject=${quote(value)};Hash=1`).join(',')
      expect(parsed(header)).toEqual(values.map((value) => ({ subject: [value], hash: ['1'] })))
    }),
  )
})

test("the workload is the connection's verified peer", () => {
  expect(workloadOf({ sourcePrincipal: WEB }, false)).toEqual({
    id: WEB,
    trustDomain: 'cluster.local',
    path: '/ns/shop/sa/web',
    namespace: 'shop',
    serviceAccount: 'web',
    from: 'source.principal',
  })
})

test.for([
  '',
  'web.shop.svc',
  'CN=web',
  'cluster.local/ns/shop/sa/web',
  'spiffe://',
  'https://a/b',
])('a peer without a SPIFFE ID is no workload: %j', (sourcePrincipal) => {
  expect(workloadOf({ sourcePrincipal }, true)).toBeUndefined()
})

test('a forwarded certificate names the workload only where it is trusted', () => {
  const forwardedClientCert = `By=${GATEWAY};URI=${WEB}`
  expect(workloadOf({ forwardedClientCert }, false)).toBeUndefined()
  expect(workloadOf({ forwardedClientCert }, true)).toMatchObject({
    id: WEB,
    from: 'x-forwarded-client-cert',
  })
})

test('the nearest hop counts: what a client wrote before it does not', () => {
  const forwardedClientCert = `URI=spiffe://cluster.local/ns/admin/sa/root,By=x;URI=${WEB}`
  expect(workloadOf({ forwardedClientCert }, true)?.id).toBe(WEB)
})

test('a quote that a client left open hides nothing: the header is none', () => {
  const forwardedClientCert = `Subject="x,By=x;URI=${WEB}`
  expect(workloadOf({ forwardedClientCert }, true)).toBeUndefined()
})

test('a certificate with two URIs is nobody', () => {
  const forwardedClientCert = `URI=${WEB};URI=${GATEWAY}`
  expect(workloadOf({ forwardedClientCert }, true)).toBeUndefined()
})

test('the verified peer wins over a forwarded certificate', () => {
  const forwardedClientCert = `URI=${WEB}`
  expect(workloadOf({ sourcePrincipal: GATEWAY, forwardedClientCert }, true)).toMatchObject({
    id: GATEWAY,
    from: 'source.principal',
  })
})
