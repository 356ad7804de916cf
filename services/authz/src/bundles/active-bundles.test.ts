import type { LoadedPolicy } from '@verdict/policy'
import { expect, test } from 'vitest'
import { type ActiveBundle, ActiveBundles } from './active-bundles.ts'
import { PatchedData } from './patched-data.ts'
import { PolicyData } from './policy-data.ts'

interface Made {
  readonly name: string
  readonly roots: readonly string[]
  readonly entrypoints: readonly string[]
  readonly revision?: string
}

/** A bundle whose policy is never asked here. */
function made({ name, roots, entrypoints, revision = '1' }: Made, data: PolicyData): ActiveBundle {
  const policy = { revision, entrypoints, patchData: () => undefined } as Partial<LoadedPolicy>
  const told = { onApplied: () => undefined, onRefused: () => undefined }
  return {
    policy: policy as LoadedPolicy,
    ...{
      revision,
      bundle: name,
      roots,
      serial: 1,
      digest: revision,
      since: '',
      compiledHere: false,
    },
    data: new PatchedData({
      ...{ policy: policy as LoadedPolicy, roots, data, original: Buffer.from('{}'), ...told },
    }),
  }
}

const SHOP = { name: 'shop', roots: ['shop'], entrypoints: ['shop/allow'] }

test('each rule belongs to one bundle, which is found by it', () => {
  const active = new ActiveBundles('shop/allow')
  const data = new PolicyData()
  expect(active.policies).toBeUndefined()
  const other = { name: 'other', roots: ['other'], entrypoints: ['other/allow'] }
  active.swap(made(other, data))
  expect(active.policies).toMatchObject({ entrypoint: 'shop/allow' })
  expect(active.policies).not.toHaveProperty('policy')
  active.swap(made(SHOP, data))
  expect(active.policies).toMatchObject({ bundle: 'shop', revision: '1' })
  expect(active.policies?.owners?.get('other/allow')).toMatchObject({ bundle: 'other' })
  expect([active.has('shop/allow'), active.has('shop/other')]).toEqual([true, false])
  expect([active.owns(['other', 'x']), active.owns(['x'])]).toEqual([true, false])
})

test('one bundle must not have the data, nor the rules, of another', () => {
  const active = new ActiveBundles('shop/allow')
  active.swap(made(SHOP, new PolicyData()))
  expect(() => active.refuseConflict({ ...SHOP, name: 'other', roots: ['shop/x'] })).toThrow(
    expect.objectContaining({ code: 'bundle_roots_overlap' }),
  )
  expect(() => active.refuseConflict({ ...SHOP, name: 'other', roots: ['other'] })).toThrow(
    expect.objectContaining({ code: 'bundle_entrypoint_taken' }),
  )
  // In its own place it may have both.
  active.refuseConflict({ ...SHOP, roots: ['shop', 'more'] })
})

test('a bundle that was replaced gets no more data', async () => {
  const active = new ActiveBundles('shop/allow')
  const data = new PolicyData()
  const put: string[] = []
  for (const revision of ['1', '2']) {
    const bundle = made({ ...SHOP, revision }, data)
    bundle.policy.patchData = () => void put.push(revision)
    await bundle.data.follow()
    active.swap(bundle)
  }
  data.put({ path: ['shop', 'x'], json: Buffer.from('1'), revision: 1 })
  expect(put).toEqual(['2'])
})
