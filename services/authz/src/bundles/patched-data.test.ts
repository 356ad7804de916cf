import { bundleKey, opaBundle } from '@verdict/kit'
import {
  type LoadedPolicy,
  loadPolicy,
  type SignedBundle,
  VerificationKeys,
  verifyBundle,
} from '@verdict/policy'
import fc from 'fast-check'
import { beforeAll, expect, test } from 'vitest'
import { PatchedData } from './patched-data.ts'
import { DATA_BYTES_MAX, type DataChange, PolicyData } from './policy-data.ts'

const ORIGINAL = { a: { b: 1, c: { d: [1, 2] } }, long: 12345678901234567890n }
const REGO = 'package probe\n\nview := data.shop\n\nsees(x) if data.other.x == x\n'

let bundle: SignedBundle

beforeAll(async () => {
  const key = bundleKey('ops')
  const archive = await opaBundle({
    files: {
      'probe.rego': REGO,
      'data.json': `{"shop": ${JSON.stringify({ ...ORIGINAL, long: 0 }).replace(/0}$/, `${ORIGINAL.long}}`)}}`,
    },
    entrypoints: ['probe/view'],
    roots: ['shop', 'probe'],
    revision: '1',
    key,
  })
  bundle = await verifyBundle(archive, VerificationKeys.parse({ ops: key.described }))
})

interface Patched extends Disposable {
  readonly patched: PatchedData
  readonly policy: LoadedPolicy
  readonly applied: number[]
  readonly refused: string[]
  view(): unknown
}

async function patchedBy(data: PolicyData): Promise<Patched> {
  const policy = await loadPolicy(bundle)
  const applied: number[] = []
  const refused: string[] = []
  const patched = new PatchedData({
    policy,
    roots: bundle.roots,
    original: bundle.data,
    data,
    onApplied: ({ revision }) => applied.push(revision),
    onRefused: (_change, { code }) => refused.push(code),
  })
  await patched.follow()
  return {
    ...{ patched, policy, applied, refused },
    view: () => policy.evaluate('probe/view', {}),
    [Symbol.dispose]: () => patched[Symbol.dispose](),
  }
}

function change(path: string, value: unknown, revision: number): DataChange {
  const json = value === undefined ? undefined : Buffer.from(JSON.stringify(value))
  return { path: path.split('/'), json, revision }
}

const BEFORE = { a: ORIGINAL.a, long: Number(ORIGINAL.long) }

test('a change is in effect with the next evaluation, and the bundle again without it', async () => {
  const data = new PolicyData()
  using it = await patchedBy(data)
  expect(it.view()).toEqual(BEFORE)
  expect(it.patched.revision).toBeUndefined()
  data.put(change('shop/a/b', 2, 1))
  expect(it.view()).toEqual({ ...BEFORE, a: { ...ORIGINAL.a, b: 2 } })
  data.put(change('shop/a', 'none', 2))
  expect(it.view()).toEqual({ ...BEFORE, a: 'none' })
  data.put(change('shop/a', undefined, 3))
  expect(it.view()).toEqual({ ...BEFORE, a: { ...ORIGINAL.a, b: 2 } })
  data.put(change('shop/a/b', undefined, 4))
  expect(it.view()).toEqual(BEFORE)
  expect(it.patched.revision).toBe(4)
  expect(it.refused).toEqual([])
})

test('what a change has made on its way goes with it', async () => {
  const data = new PolicyData()
  using it = await patchedBy(data)
  data.put(change('shop/new/deep/x', 1, 1))
  data.put(change('shop/new/y', 2, 2))
  data.put(change('shop/new/deep/x', undefined, 3))
  expect(it.view()).toEqual({ ...BEFORE, new: { y: 2 } })
  data.put(change('shop/new/y', undefined, 4))
  expect(it.view()).toEqual(BEFORE)
})

test('a long integer keeps its digits', async () => {
  const data = new PolicyData()
  using it = await patchedBy(data)
  const json = Buffer.from('[98765432109876543210, 1.5e300, 7]')
  data.put({ path: ['shop', 'numbers'], json, revision: 1 })
  data.put(change('shop/long', 1, 2))
  data.put(change('shop/long', undefined, 3))
  const value = JSON.stringify(it.policy.evaluateValue('probe/view'), (_key, part: unknown) =>
    typeof part === 'bigint' ? String(part) : part instanceof Map ? [...part] : part,
  )
  expect(value).toContain('98765432109876543210')
  expect(value).toContain('12345678901234567890')
})

test('what can not be put in is told, and changes nothing', async () => {
  const data = new PolicyData()
  using it = await patchedBy(data)
  data.put(change('shop/a/b/c', 1, 1))
  data.put({ path: ['shop', 'x'], json: Buffer.from('{"'), revision: 2 })
  data.put({ path: ['shop', 'x'], json: Buffer.from([0x22, 0xff, 0x22]), revision: 3 })
  expect(it.refused).toEqual(['data_refused', 'data_malformed', 'data_malformed'])
  expect(it.view()).toEqual(BEFORE)
  expect(it.patched.revision).toBeUndefined()
  data.put(change('other/x', 1, 4))
  expect(it.applied).toEqual([])
  expect([it.patched.owns(['other', 'x']), it.patched.owns(['shop'])]).toEqual([false, true])
})

test('a policy that is not followed any more gets nothing', async () => {
  const data = new PolicyData()
  const it = await patchedBy(data)
  it[Symbol.dispose]()
  data.put(change('shop/a', 1, 1))
  expect(it.applied).toEqual([])
})

test('more data than there is room for is refused', () => {
  const data = new PolicyData()
  const json = Buffer.alloc(DATA_BYTES_MAX / 2)
  data.put({ path: ['a'], json, revision: 1 })
  data.put({ path: ['a'], json, revision: 2 })
  expect(() => data.put({ path: ['b'], json, revision: 3 })).toThrow(
    expect.objectContaining({ code: 'data_malformed' }),
  )
  expect([...data.changes].map(({ revision }) => revision)).toEqual([2])
})

test('data of another store takes the place of what there was, and not before it is all there', () => {
  const data = new PolicyData()
  data.put(change('shop/a', 1, 7))
  expect([data.loaded, data.complete(), data.loaded]).toEqual([false, false, true])
  data.reset()
  data.put(change('shop/b', 2, 1))
  expect([...data.changes].map(({ path }) => path.join('/'))).toEqual(['shop/a'])
  expect(data.complete()).toBe(true)
  expect([...data.changes].map(({ path }) => path.join('/'))).toEqual(['shop/b'])
})

const PATHS = ['a', 'a/b', 'a/c', 'a/c/d', 'a/b/x', 'n', 'n/x', 'n/x/y', 'n/z']
const changes = fc.array(
  fc.record({
    path: fc.constantFrom(...PATHS),
    value: fc.constantFrom(undefined, undefined, 1, {}, { b: 3 }, { x: { y: 4 } }),
  }),
  { maxLength: 12 },
)

test('a policy that is loaded late has the same data as one that got each change', async () => {
  await fc.assert(
    fc.asyncProperty(changes, async (made) => {
      const data = new PolicyData()
      using early = await patchedBy(data)
      for (const [at, { path, value }] of made.entries()) {
        data.put(change(`shop/${path}`, value, at + 1))
      }
      using late = await patchedBy(data)
      expect(late.view()).toEqual(early.view())
      for (const [at, path] of PATHS.entries()) {
        data.put(change(`shop/${path}`, undefined, made.length + at + 1))
      }
      expect(early.view()).toEqual(BEFORE)
      expect(late.view()).toEqual(BEFORE)
    }),
    { numRuns: 15 },
  )
}, 60_000)
