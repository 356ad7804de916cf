import { CompactSign } from 'jose'
import { expect, test } from 'vitest'
import { keyPair, refusal, trust } from '../../test/bundles-under-test.ts'
import { refuseOlder } from './order.ts'
import { type BundlePointer, POINTER_BYTES_MAX, signPointer, verifyPointer } from './pointer.ts'
import { refuseOverlap, rootOwner } from './roots.ts'

const POINTER: BundlePointer = {
  name: 'shop',
  revision: 'v12',
  serial: 12,
  digest: 'a'.repeat(64),
  size: 4_711,
  version: 3,
}
const key = keyPair('ops')
const keys = trust(key)

test.each(['EdDSA', 'ES256'] as const)(
  'a pointer comes back as it was signed (%s)',
  async (alg) => {
    const signer = keyPair('ops', alg, 'prod')
    const rollback = { ...POINTER, rollback: true } as const
    expect(await verifyPointer(await signPointer(POINTER, signer.signing), trust(signer))).toEqual(
      POINTER,
    )
    expect(await verifyPointer(await signPointer(rollback, signer.signing), trust(signer))).toEqual(
      rollback,
    )
  },
)

test('a change of any character of a pointer is refused', async () => {
  const text = await signPointer(POINTER, key.signing)
  for (let at = 0; at < text.length; at++) {
    const other = text[at] === 'A' ? 'B' : 'A'
    const changed = `${text.slice(0, at)}${other}${text.slice(at + 1)}`
    const code = await refusal(() => verifyPointer(changed, keys))
    expect(['pointer_invalid', 'bundle_key_unknown']).toContain(code)
  }
})

async function signed(payload: object, header: object = {}): Promise<string> {
  return await new CompactSign(Buffer.from(JSON.stringify(payload)))
    .setProtectedHeader({ alg: 'EdDSA', typ: 'verdict-bundle-pointer', kid: 'ops', ...header })
    .sign(key.signing.key)
}

const VALID = { v: 1, ...POINTER }

test.each<[what: string, payload: object, header?: object]>([
  ['of another format', { ...VALID, v: 2 }],
  ['of no format', POINTER],
  ['signed as something else', VALID, { typ: 'JWT' }],
  ['without a name', { ...VALID, name: '' }],
  ['with a name that is a path', { ...VALID, name: '../shop' }],
  ['with a digest that is none', { ...VALID, digest: 'A'.repeat(64) }],
  ['with a serial that is no whole number', { ...VALID, serial: 1.5 }],
  ['with a version below zero', { ...VALID, version: -1 }],
  ['with a size that is a text', { ...VALID, size: '1' }],
  ['that is perhaps a rollback', { ...VALID, rollback: 'yes' }],
  ['with a scope that the key has not', { ...VALID, scope: 'prod' }],
])('a pointer %s is refused, although a trusted key signed it', async (_what, payload, header) => {
  expect(await refusal(async () => verifyPointer(await signed(VALID), keys))).toBe('not refused')
  expect(await refusal(async () => verifyPointer(await signed(payload, header), keys))).toBe(
    'pointer_invalid',
  )
})

test('a pointer of another key is refused, whatever the key calls itself', async () => {
  const by = async (id: string, algorithm?: 'ES256') =>
    await signPointer(POINTER, keyPair(id, algorithm).signing)
  expect(await refusal(async () => verifyPointer(await by('stranger'), keys))).toBe(
    'bundle_key_unknown',
  )
  expect(await refusal(async () => verifyPointer(await by('ops'), keys))).toBe('pointer_invalid')
  expect(await refusal(async () => verifyPointer(await by('ops', 'ES256'), keys))).toBe(
    'pointer_invalid',
  )
})

test('what is no JWS, or too long, is no pointer', async () => {
  for (const text of ['', 'nonsense', 'a.b.c', 'x'.repeat(POINTER_BYTES_MAX + 1)]) {
    expect(await refusal(() => verifyPointer(text, keys))).toBe('pointer_invalid')
  }
})

test('what could not be verified is not signed', async () => {
  const nameless = { ...POINTER, name: 'the shop' }
  expect(await refusal(() => signPointer(nameless, key.signing))).toBe('pointer_invalid')
})

const KNOWN = { version: 3, serial: 12 }

test.each<[what: string, offered: Parameters<typeof refuseOlder>[0], code: string]>([
  ['the same', { version: 3, serial: 12 }, 'not refused'],
  ['a newer bundle', { version: 4, serial: 13 }, 'not refused'],
  ['an older pointer', { version: 2, serial: 13 }, 'pointer_older'],
  ['an older rollback', { version: 2, serial: 11, rollback: true }, 'pointer_older'],
  ['an older bundle', { version: 4, serial: 11 }, 'bundle_older'],
  ['an older bundle as a rollback', { version: 4, serial: 11, rollback: true }, 'not refused'],
  ['an older bundle without a pointer', { serial: 11 }, 'bundle_older'],
  ['a newer bundle without a pointer', { serial: 13 }, 'not refused'],
])('%s, after what was in force: %j gives `%s`', async (_what, offered, code) => {
  expect(await refusal(() => refuseOlder(offered, KNOWN))).toBe(code)
  expect(await refusal(() => refuseOlder(offered, undefined))).toBe('not refused')
})

test.each<[one: string[], other: string[], overlap: boolean]>([
  [['shop'], ['shop'], true],
  [['shop'], ['shop/prices'], true],
  [['shop/prices'], ['bank', 'shop'], true],
  [[''], ['shop'], true],
  [['/shop/'], ['shop'], true],
  [['shop'], ['shopping'], false],
  [['shop/prices'], ['shop/orders', 'bank'], false],
  [[], [''], false],
])('the roots %j and %j: overlap is %s', async (one, other, overlap) => {
  for (const [a, b] of [
    [one, other],
    [other, one],
  ]) {
    const bundles = [
      { name: 'a', roots: a ?? [] },
      { name: 'b', roots: b ?? [] },
    ]
    expect(await refusal(() => refuseOverlap(bundles))).toBe(
      overlap ? 'bundle_roots_overlap' : 'not refused',
    )
  }
})

test('a path of data belongs to the bundle whose root it is under', () => {
  expect(rootOwner(['shop', 'prices', '1'], ['bank', 'shop/prices'])).toBe(true)
  expect(rootOwner(['shop', 'orders'], ['bank', 'shop/prices'])).toBe(false)
  expect(rootOwner(['shop'], ['shop/prices'])).toBe(false)
  expect(rootOwner(['anything'], [''])).toBe(true)
  expect(rootOwner(['verdict_index', 't0'], [''])).toBe(false)
})
