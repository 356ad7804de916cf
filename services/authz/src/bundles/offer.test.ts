import { bundleKey, digestOf, opaBundle, pointerTo } from '@verdict/kit'
import { VerificationKeys } from '@verdict/policy'
import { beforeAll, expect, test } from 'vitest'
import { judgeOffer, judgePointer } from './offer.ts'

const ops = bundleKey('ops')
const keys = VerificationKeys.parse({ ops: ops.described })
const judge = { name: 'shop', keys, known: undefined }

let archive: Uint8Array

async function made(revision: string, key = ops): Promise<Uint8Array> {
  const files = { 'shop.rego': 'package shop\n\nallow := true\n' }
  return await opaBundle({ files, entrypoints: ['shop/allow'], roots: ['shop'], revision, key })
}

beforeAll(async () => {
  archive = await made('5')
})

async function pointer(about: { version?: number; name?: string; rollback?: true } = {}) {
  return await pointerTo(archive, { name: 'shop', revision: '5', version: 3, ...about }, ops)
}

test('a pointer and its archive are taken where both are signed and fit together', async () => {
  const signed = await judgePointer(await pointer(), judge)
  const bundle = await judgeOffer({ archive, signed }, judge)
  expect(bundle).toMatchObject({ serial: 5, revision: '5', digest: digestOf(archive) })
  const known = { serial: 5, version: 3, digest: digestOf(archive) }
  await judgePointer(await pointer(), { ...judge, known })
  await judgeOffer({ archive }, { ...judge, known })
})

test.each([
  ['of another name', { name: 'platform' }, undefined, 'pointer_invalid'],
  ['that is older', { version: 2 }, { serial: 5, version: 3 }, 'pointer_older'],
  ['that is another of the same version', {}, { serial: 5, version: 3 }, 'pointer_older'],
  ['to an older bundle', { version: 4 }, { serial: 6, version: 3 }, 'bundle_older'],
])('a pointer %s is refused', async (_what, about, known, code) => {
  const seen = known && { ...known, digest: 'another' }
  const judged = judgePointer(await pointer(about), { ...judge, known: seen })
  await expect(judged).rejects.toMatchObject({ code })
})

test('an older bundle needs a pointer that rolls back, which an archive alone never does', async () => {
  const known = { serial: 6, version: 3, digest: 'another' }
  const signed = await judgePointer(await pointer({ version: 4, rollback: true }), {
    ...judge,
    known,
  })
  await judgeOffer({ archive, signed }, { ...judge, known })
  const alone = judgeOffer({ archive }, { ...judge, known })
  await expect(alone).rejects.toMatchObject({ code: 'bundle_older' })
})

test('an archive that is not the one of its pointer is refused', async () => {
  const signed = await judgePointer(await pointer(), judge)
  const another = judgeOffer({ archive: await made('6'), signed }, judge)
  await expect(another).rejects.toMatchObject({ code: 'bundle_digest_mismatch' })
  const claimed = await pointerTo(archive, { name: 'shop', revision: '9', version: 3 }, ops)
  const says = judgeOffer({ archive, signed: await judgePointer(claimed, judge) }, judge)
  await expect(says).rejects.toMatchObject({ code: 'pointer_invalid' })
})

test('a bundle that nothing orders is refused', async () => {
  const unordered = judgeOffer({ archive: await made('v1') }, judge)
  await expect(unordered).rejects.toMatchObject({ code: 'bundle_unordered' })
})
