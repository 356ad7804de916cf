import { type Decision, newDecisionId, RECORD_MASKS_MAX } from '@verdict/contract'
import { opaBinary, temporaryDirectory, writeFiles } from '@verdict/kit'
import { buildBundle, loadPolicy } from '@verdict/policy'
import { expect, test, vi } from 'vitest'
import { compiled } from '../bundles/preparation.ts'
import type { ActivePolicies } from '../evaluate.ts'
import { applyMasks, readMasks } from './masks.ts'
import { RECORD_RULES } from './names.ts'
import { ruledRecord } from './record-rules.ts'

vi.setConfig({ testTimeout: 60_000 })

const input = { attributes: { a: ['x', 'y', 'z'], 'b/c': 1 }, parsed_body: { card: '4711', n: 1 } }
const record: Decision = {
  destination: { service: 'shop' },
  durationUs: 1,
  id: newDecisionId(),
  identity: { status: 'verified', subject: 'alice', issuer: 'https://issuer' },
  outcome: 'allow',
  policy: { entrypoint: 'p/allow', input: JSON.stringify(input), revision: 'r' },
  principal: 'alice',
  protocol: 'http',
  reason: 'because',
  request: { host: 'shop', method: 'GET', path: '/orders/7' },
  source: { address: '10.0.0.1' },
  status: 200,
  time: '2026-01-01T00:00:00.000Z',
}

function maskedBy(...masks: unknown[]): Decision {
  return applyMasks(record, readMasks(masks))
}

test('a mask removes a text or replaces it, and the record names its path', () => {
  const upsert = { op: 'upsert', path: '/request/path', value: '/orders/*' }
  expect(maskedBy('/identity/subject', '/principal', upsert, '/source/principal')).toEqual({
    ...record,
    erased: ['/identity/subject', '/principal'],
    identity: { status: 'verified', issuer: 'https://issuer' },
    masked: ['/request/path'],
    principal: '[masked]',
    request: { host: 'shop', method: 'GET', path: '/orders/*' },
  })
})

test('what the policy was given is masked at any depth, by either name', () => {
  const masked = maskedBy(
    '/input/parsed_body/card',
    '/policy/input/attributes/a/1',
    '/input/attributes/b~1c',
    '/input/not/there',
    { op: 'upsert', path: '/input/parsed_body/more/deep', value: [1] },
    { op: 'upsert', path: '/input/__proto__/x', value: 1 },
  )
  expect(masked.policy.input).toBe(
    '{"attributes":{"a":["x","z"]},"parsed_body":{"n":1,"more":{"deep":[1]}},"__proto__":{"x":1}}',
  )
  expect(masked.erased).toEqual([
    '/policy/input/parsed_body/card',
    '/policy/input/attributes/a/1',
    '/policy/input/attributes/b~1c',
  ])
  expect(maskedBy('/input', '/input/parsed_body').policy).toEqual({
    entrypoint: 'p/allow',
    revision: 'r',
  })
  expect(record.policy.input).toBe(JSON.stringify(input))
})

test('where nothing was there to mask, the record is as it was', () => {
  expect(maskedBy('/request/id', '/input/no', '/input/attributes/a/9')).toEqual(record)
})

test.each([
  ['the place, the time, the outcome', '/outcome'],
  ['the id', '/id'],
  ['the policy', '/policy/revision'],
  ['a whole object', '/identity'],
  ['below a text', '/principal/x'],
  ['no path', 'principal'],
  ['no mask', 1],
  ['an operation that there is not', { op: 'replace', path: '/principal', value: 'x' }],
  ['a value that is no text', { op: 'upsert', path: '/principal', value: 1 }],
])('%s is no mask', (_, mask) => {
  expect(() => maskedBy(mask)).toThrow(TypeError)
})

test('more masks than a record can name are a fault', () => {
  const paths = Array.from({ length: RECORD_MASKS_MAX + 1 }, (_, n) => `/input/more/${n}`)
  const masks = paths.map((path) => ({ op: 'upsert', path, value: 1 }))
  expect(() => maskedBy(...masks)).toThrow('masks hold for one record')
  expect(maskedBy(...masks.slice(1)).masked).toHaveLength(RECORD_MASKS_MAX)
})

const REGO = `package system.log

mask contains "/source/address" if input.principal == "alice"

mask contains {"op": "upsert", "path": "/input/parsed_body/card", "value": "****"} if {
	input.input.parsed_body.card
}

mask contains input.reason if input.reason == "broken"

drop if input.request.path == "/health"

drop := 1 if input.request.path == "/odd"
`

async function active(rego: string): Promise<ActivePolicies> {
  await using scratch = temporaryDirectory()
  const sources = `${scratch.path}/policies`
  writeFiles(sources, { 'log.rego': rego, 'p.rego': 'package p\n\nallow := true\n' })
  const entrypoints = ['p/allow']
  const optionalEntrypoints = RECORD_RULES
  const options = { sources, entrypoints, optionalEntrypoints, cacheDir: scratch.path }
  const bundle = await buildBundle({ opa: await opaBinary(), ...options })
  const policy = await loadPolicy(bundle)
  return { policy, revision: bundle.revision, entrypoint: 'p/allow' }
}

test('the rules of the active policies say what of a record is written down', async () => {
  const policies = await active(REGO)
  expect(ruledRecord(policies, record)).toMatchObject({
    erased: ['/source/address'],
    masked: ['/policy/input/parsed_body/card'],
    source: {},
  })
  const at = (path: string): Decision => ({ ...record, request: { ...record.request, path } })
  expect(ruledRecord(policies, at('/health'))).toBeUndefined()
  const refused = expect.objectContaining({ code: 'record_rule_failed' })
  expect(() => ruledRecord(policies, at('/odd'))).toThrow(refused)
  expect(() => ruledRecord(policies, { ...record, reason: 'broken' })).toThrow(refused)
  const owner = { policy: policies.policy, revision: 'r' } as never
  const ofBundles = { entrypoint: 'p/allow', owners: new Map([['system/log/drop', owner]]) }
  expect(ruledRecord(ofBundles, at('/health'))).toBeUndefined()
  expect(ruledRecord(ofBundles, record)).toBe(record)
})

test('without rules about records nothing is asked', async () => {
  const policies = await active('package system.log\n\nmask_not := 1\n')
  expect(policies.policy?.entrypoints).toEqual(['p/allow'])
  expect(ruledRecord(policies, record)).toBe(record)
  expect(ruledRecord(undefined, record)).toBe(record)
})

test('a bundle of Rego alone is compiled for the rules about records that it has', async () => {
  await using scratch = temporaryDirectory()
  const build = { opa: await opaBinary(), cacheDir: scratch.path }
  const file = (path: string, text: string) => ({ path, bytes: Buffer.from(text) })
  const signed = {
    ...{ revision: 'r', entrypoints: [], wasm: new Uint8Array(), data: Buffer.from('{}') },
    ...{ roots: ['system/log'], serial: 1, digest: 'd', keyId: 'k' },
    uncompiled: [file('log.rego', 'package system.log\n\ndrop := true\n')],
  }
  const bundle = await compiled('log', signed, { build, entrypoints: () => ['p/allow'] })
  expect(bundle.entrypoints).toEqual(['system/log/drop'])
  const owner = { policy: await loadPolicy(bundle), revision: 'r' }
  const owners = new Map([['system/log/drop', owner]])
  expect(ruledRecord({ entrypoint: 'p/allow', owners }, record)).toBeUndefined()
})
