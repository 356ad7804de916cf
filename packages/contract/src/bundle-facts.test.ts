import { expect, test } from 'vitest'
import { bundleFacts, bundlesOf, REFUSED_CHARS_MAX } from './bundle-facts.ts'

const ACTIVE = {
  revision: 'v1 (über)',
  serial: 7,
  digest: 'a'.repeat(64),
  since: '2026-01-02T03:04:05.006Z',
}

test('what an instance tells of its bundles is read as it was told', () => {
  const facts = {
    policy: 'other',
    ...bundleFacts('shop', { active: ACTIVE }),
    ...bundleFacts('a=2eb', { active: ACTIVE, refused: 'bundle_older: no' }),
    ...bundleFacts('none', {}),
    ...bundleFacts('never', { refused: 'bundle_unsigned: no' }),
  }
  expect(Object.fromEntries(bundlesOf({ facts }))).toEqual({
    shop: { active: ACTIVE },
    'a=2eb': { active: ACTIVE, refused: 'bundle_older: no' },
    none: {},
    never: { refused: 'bundle_unsigned: no' },
  })
})

test('a long refusal is cut', () => {
  const facts = bundleFacts('shop', { refused: 'x'.repeat(1000) })
  expect(bundlesOf({ facts }).get('shop')?.refused).toHaveLength(REFUSED_CHARS_MAX)
})

test.each(['x', '% 1 2 3', `%ff 7 ${'a'.repeat(64)} now`, 7])('`%s` is nothing active', (fact) => {
  expect(bundlesOf({ facts: { 'bundle.shop': fact } }).get('shop')).toEqual({})
})
