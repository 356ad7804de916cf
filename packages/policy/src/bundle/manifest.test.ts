import { expect, test } from 'vitest'
import { SMALL } from '../../test/bundles-under-test.ts'
import { readManifest, writeManifest } from './manifest.ts'

function filesWith(
  manifest: unknown,
  more: readonly string[] = [],
): ReadonlyMap<string, Uint8Array> {
  const text = typeof manifest === 'string' ? manifest : JSON.stringify(manifest)
  const names = ['policy.wasm', ...more].map((name) => [name, Buffer.from('')] as const)
  return new Map([...names, ['.manifest', Buffer.from(text)]])
}

const WASM = [{ entrypoint: 'shop/allow', module: '/policy.wasm' }]
const PLAIN = JSON.parse(String(SMALL['.manifest']))

test('what a manifest leaves out is as OPA has it', () => {
  expect(readManifest(filesWith({ wasm: WASM }))).toEqual({
    revision: '',
    roots: [''],
    entrypoints: ['shop/allow'],
    metadata: {},
  })
  expect(readManifest(filesWith({ wasm: WASM, roots: null })).roots).toEqual([''])
  expect(readManifest(filesWith({ wasm: WASM, roots: ['/shop/', 'bank'] })).roots).toEqual([
    'shop',
    'bank',
  ])
})

test('what is written is read, and the tables are a root for other tools', () => {
  const manifest = {
    revision: 'v1',
    roots: ['shop'],
    entrypoints: ['shop/allow', 'shop/deny'],
    serial: 12,
    sources: 'abc',
    metadata: { verdict: { serial: 12, sources: 'abc' }, by: 'us' },
  }
  const written = writeManifest(manifest, { tables: true })
  expect(JSON.parse(Buffer.from(written).toString())).toMatchObject({
    roots: ['shop', 'verdict_index'],
    rego_version: 1,
  })
  expect(readManifest(filesWith(Buffer.from(written).toString()))).toEqual(manifest)
})

test.each<[what: string, manifest: unknown, more?: string[]]>([
  ['that is no JSON', '{'],
  ['that is no object', '[]'],
  ['with a revision that is a number', { ...PLAIN, revision: 1 }],
  ['with roots that are a text', { ...PLAIN, roots: 'shop' }],
  ['with a root that is a number', { ...PLAIN, roots: [1] }],
  ['with roots that overlap', { ...PLAIN, roots: ['shop', 'shop/prices'] }],
  ['with a key in upper case', { ...PLAIN, Roots: [''] }],
  ['of a version of Rego that is none', { ...PLAIN, rego_version: 2 }],
  ['without entrypoints', { ...PLAIN, wasm: [] }],
  ['with an entrypoint twice', { ...PLAIN, wasm: [...WASM, ...WASM] }],
  ['with a module that is not there', { ...PLAIN, wasm: [{ entrypoint: 'a', module: '/b.wasm' }] }],
  ['with modules that are none', { ...PLAIN, wasm: ['shop/allow'] }],
  ['with a serial that is a text', { ...PLAIN, metadata: { verdict: { serial: '1' } } }],
  ['with a serial below zero', { ...PLAIN, metadata: { verdict: { serial: -1 } } }],
  ['beside another one', PLAIN, ['below/.manifest']],
  ['beside one in Protobuf', PLAIN, ['.manifest.pb']],
  ['of a delta bundle', PLAIN, ['patch.json']],
  ['with a second module', PLAIN, ['below/policy.wasm']],
])('a manifest %s is refused', (_what, manifest, more) => {
  expect(() => readManifest(filesWith(manifest, more))).toThrow(
    expect.objectContaining({ code: 'bundle_malformed' }),
  )
})
