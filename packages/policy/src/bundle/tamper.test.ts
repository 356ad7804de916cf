import { gunzipSync, gzipSync } from 'node:zlib'
import { beforeAll, expect, test } from 'vitest'
import {
  archiveOf,
  keyPair,
  refusal,
  SMALL,
  type Texts,
  trust,
} from '../../test/bundles-under-test.ts'
import { PolicyError } from '../errors.ts'
import { unpackBundle } from './archive.ts'
import { digestOf } from './hash.ts'
import { refuseOlder } from './order.ts'
import { refuseOverlap } from './roots.ts'
import { signBundle } from './sign.ts'
import { type SignedBundle, verifyBundle, verifyDigest } from './verify.ts'

const key = keyPair('ops')
const keys = trust(key)
let signed: Uint8Array
let verified: SignedBundle

beforeAll(async () => {
  signed = await signBundle(await archiveOf(SMALL), key.signing)
  verified = await verifyBundle(signed, keys)
})

test('a bundle as it was signed is taken', () => {
  expect(verified).toMatchObject({
    revision: 'small',
    serial: 7,
    roots: ['shop'],
    entrypoints: ['shop/allow'],
    keyId: 'ops',
    digest: digestOf(signed),
  })
  expect(Buffer.from(verified.data).toString()).toBe(SMALL['data.json'])
})

/** What each change of one byte leads to; where it is taken, everything has to be as it was. */
async function tampered(
  bytes: Uint8Array,
  masks: readonly number[],
  asArchive: (bytes: Uint8Array) => Uint8Array,
): Promise<ReadonlyMap<string, number>> {
  const codes = new Map<string, number>()
  for (let at = 0; at < bytes.length; at++) {
    for (const mask of masks) {
      const changed = Buffer.from(bytes)
      changed[at] = (bytes[at] ?? 0) ^ mask
      const code = await codeOf(asArchive(changed))
      codes.set(code, (codes.get(code) ?? 0) + 1)
    }
  }
  return codes
}

async function codeOf(archive: Uint8Array): Promise<string> {
  try {
    const { digest: _new, ...bundle } = await verifyBundle(archive, keys)
    const { digest: _old, ...whole } = verified
    expect(bundle).toEqual(whole)
    const withoutSignature = async (of: Uint8Array) => {
      const files = new Map(await unpackBundle(of))
      files.delete('.signatures.json')
      return files
    }
    expect(await withoutSignature(archive)).toEqual(await withoutSignature(signed))
    return 'taken'
  } catch (error) {
    if (error instanceof PolicyError) return error.code
    throw error
  }
}

test('a change of any byte of the archive is refused, or changes no content', async () => {
  const codes = await tampered(signed, [0x01, 0x80], (bytes) => bytes)
  // Of gzip's header: who wrote it, when, and how hard it tried.
  expect(codes.get('taken')).toBeLessThan(signed.length / 20)
  expect([...codes.keys()].sort()).toContain('bundle_malformed')
})

test('a change of any byte inside of the archive is refused as what it is', async () => {
  const tar = gunzipSync(signed)
  const codes = await tampered(tar, [0x01], (bytes) => gzipSync(bytes, { level: 0 }))
  expect([...codes.keys()].sort()).toEqual([
    'bundle_key_unknown',
    'bundle_malformed',
    'bundle_signature_invalid',
    'bundle_tampered',
    'bundle_unsigned',
  ])
})

test('with the digest of a pointer, a change of any byte is refused', async () => {
  expect(() => verifyDigest(signed, digestOf(signed))).not.toThrow()
  for (let at = 0; at < signed.length; at++) {
    const changed = Buffer.from(signed)
    changed[at] = (signed[at] ?? 0) ^ 1
    expect(await refusal(() => verifyDigest(changed, verified.digest))).toBe(
      'bundle_digest_mismatch',
    )
  }
})

/** The signed bundle with other files, under the signature that it has. */
async function withFiles(change: (files: Record<string, Uint8Array>) => void): Promise<Uint8Array> {
  const files: Record<string, Uint8Array> = Object.fromEntries(await unpackBundle(signed))
  change(files)
  return await archiveOf(files)
}

test.each<[what: string, code: string, change: (files: Record<string, Uint8Array>) => void]>([
  ['without its signature', 'bundle_unsigned', (files) => delete files['.signatures.json']],
  [
    'with no signature in the file of them',
    'bundle_unsigned',
    (files) => {
      files['.signatures.json'] = Buffer.from('{"signatures":[]}')
    },
  ],
  [
    'with its data changed',
    'bundle_tampered',
    (files) => {
      files['data.json'] = Buffer.from('{"shop":{"open":false}}')
    },
  ],
  [
    'with its data written in another way',
    'bundle_tampered',
    (files) => {
      files['data.json'] = Buffer.from('{"shop": {"open": true}}')
    },
  ],
  [
    'with a policy added',
    'bundle_tampered',
    (files) => {
      files['more.rego'] = Buffer.from('package shop.more\n')
    },
  ],
  ['with its plan missing', 'bundle_tampered', (files) => delete files['plan.json']],
])('a bundle %s is refused with `%s`', async (_what, code, change) => {
  expect(await refusal(async () => verifyBundle(await withFiles(change), keys))).toBe(code)
})

test('a bundle that another key signed again is refused, whatever it calls itself', async () => {
  const [stranger, impostor] = [keyPair('stranger'), keyPair('ops')]
  const bySomebody = await signBundle(signed, stranger.signing)
  expect(await refusal(() => verifyBundle(bySomebody, keys))).toBe('bundle_key_unknown')
  const asOps = await signBundle(signed, impostor.signing)
  expect(await refusal(() => verifyBundle(asOps, keys))).toBe('bundle_signature_invalid')
  // Nor by a key of another kind under the same name.
  const other = await signBundle(signed, keyPair('ops', 'ES256').signing)
  expect(await refusal(() => verifyBundle(other, keys))).toBe('bundle_signature_invalid')
})

async function signedAgain(change: Texts): Promise<Uint8Array> {
  return await signBundle(await archiveOf({ ...SMALL, ...change }), key.signing)
}

test.each<[what: string, change: Texts, message: string]>([
  ['data', { 'data.json': '{"shop":{},"bank":{"vault":1}}' }, 'data at `/bank`'],
  [
    'a package',
    { 'bank.rego': '# of ours\npackage bank["the vault"]\n' },
    'the package `bank.the vault`',
  ],
  [
    'an entrypoint',
    { '.manifest': String(SMALL['.manifest']).replace('shop/allow', 'bank/allow') },
    'the entrypoint `bank/allow`',
  ],
])('%s outside of its roots is refused', async (_what, change, message) => {
  const work = signedAgain(change).then((archive) => verifyBundle(archive, keys))
  await expect(work).rejects.toMatchObject({ code: 'bundle_roots_violated' })
  await expect(work).rejects.toThrow(message)
})

test('the tables of the rule index are in every bundle, whatever its roots', async () => {
  const data = '{"shop":{"open":true},"verdict_index":{"t0":{}}}'
  const { roots } = await verifyBundle(await signedAgain({ 'data.json': data }), keys)
  expect(roots).toEqual(['shop'])
})

test('a bundle that nothing orders is refused', async () => {
  const manifest = (revision: string, metadata: object) =>
    JSON.stringify({ ...JSON.parse(String(SMALL['.manifest'])), revision, metadata })
  const unordered = await signedAgain({ '.manifest': manifest('v1', {}) })
  expect(await refusal(() => verifyBundle(unordered, keys))).toBe('bundle_unordered')
  const numbered = await signedAgain({ '.manifest': manifest('12', {}) })
  expect((await verifyBundle(numbered, keys)).serial).toBe(12)
})

test('an older bundle is refused, and an overlapping one', async () => {
  expect(await refusal(() => refuseOlder(verified, { serial: 8 }))).toBe('bundle_older')
  expect(await refusal(() => refuseOlder(verified, { serial: 7 }))).toBe('not refused')
  const others = [{ name: 'all', roots: ['shop/prices'] }]
  expect(await refusal(() => refuseOverlap([{ name: 'shop', ...verified }, ...others]))).toBe(
    'bundle_roots_overlap',
  )
})
