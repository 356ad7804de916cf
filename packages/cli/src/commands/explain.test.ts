import { generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { putBundle, putPointer, serve } from '@verdict/bus'
import { type CheckAnswer, type DecidedBy, type Outcome, queues, subjects } from '@verdict/contract'
import { opaBinary, startBus, temporaryDirectory, writeFiles } from '@verdict/kit'
import { buildArchive, buildBundle, digestOf, signPointer } from '@verdict/policy'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { type Ran, verdict } from '../../test/captured.ts'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })
const ID = '01a20569-0e1b-77ce-a7bf-ac02d112586a'
const ENTRYPOINT = 'envoy/authz/allow'
const INPUT = '{"identity":{"roles":["guest"]},"at":"\\u001b[31m"}'
const REGO = `package envoy.authz

default allow := false

# METADATA
# title: Administrators may
allow if "admin" in input.identity.roles

allow if input.at == "noon"

allow if time.now_ns() == 1767225600000000000
`

interface Audit {
  readonly url: string
  /** What it answers to the next requests, the last one again and again; 404 where undefined. */
  answers: (object | undefined)[]
  readonly asked: string[]
  close(): Promise<void>
}

const scratch = temporaryDirectory()
const sources = path.join(scratch.path, 'policies')
const dataDir = path.join(scratch.path, 'data')
let revision: string
let audit: Audit

beforeAll(async () => {
  writeFiles(sources, { 'authz.rego': REGO })
  const opa = await opaBinary()
  // As a decision point on this machine keeps what it has built.
  const cacheDir = path.join(dataDir, 'authz', 'policies')
  const bundle = await buildBundle({ opa, sources, entrypoints: [ENTRYPOINT], cacheDir })
  revision = bundle.revision
  const note = JSON.stringify({ revision, entrypoints: [ENTRYPOINT], sources })
  await writeFile(path.join(cacheDir, 'bundles', 'last-good.json'), note)
  audit = await startAudit()
})

afterAll(async () => {
  await audit.close()
  await scratch[Symbol.asyncDispose]()
})

beforeEach(() => {
  audit.answers = [decided()]
  audit.asked.length = 0
})

async function startAudit(): Promise<Audit> {
  const server = createServer((request, response) => {
    started.asked.push(request.url ?? '')
    const [first, ...others] = started.answers
    if (others.length > 0) started.answers = others
    const error = { error: { code: 'not_found', message: 'it is still on the way' } }
    response.writeHead(first === undefined ? 404 : 200, { 'content-type': 'application/json' })
    response.end(JSON.stringify(first ?? error))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const started: Audit = {
    url: `http://127.0.0.1:${port}`,
    answers: [],
    asked: [],
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
  return started
}

/** What audit has of a decision. */
function decided(policy: Partial<DecidedBy> = {}, outcome: Outcome = 'deny', time?: string) {
  const record = {
    destination: { service: 'orders' },
    durationUs: 1_000,
    id: ID,
    identity: { status: 'anonymous' },
    outcome,
    policy: { entrypoint: ENTRYPOINT, revision, input: INPUT, ...policy },
    principal: 'alice\u001b[31m',
    protocol: 'nats',
    reason: 'denied',
    request: { host: 'orders', method: 'GET', path: '/orders/1' },
    source: {},
    status: 403,
    time: time ?? '2026-11-23T03:00:00.000Z',
    instance: 'a',
    epoch: 1,
    n: 1,
    v: 1,
  }
  return { index: 0, hash: '', record }
}

async function explain(...args: string[]): Promise<Ran> {
  return await verdict(['explain', '--data-dir', dataDir, '--audit', audit.url, ...args])
}

test('a decision is explained from its record and the policies that are kept', async () => {
  const { code, out, err } = await explain(ID)
  expect({ code, err }).toEqual({ code: 1, err: '' })
  expect(audit.asked).toEqual([`/v1/decisions/${ID}`])
  const [line, ...lines] = out.split('\n')
  expect(line).toMatch(new RegExp(`deny .* ${ID}$`))
  expect(lines.slice(0, 11).join('\n')).toBe(
    `policy    ${revision}, rule ${ENTRYPOINT}
decision  false

· data.envoy.authz.allow = false
  ✗ allow  authz.rego:7  Administrators may
    ✗ "admin" in input.identity.roles
      "admin" in ["guest"] is false, where input.identity.roles is ["guest"]
  ✗ allow  authz.rego:9
    ✗ input.at == "noon"
      input.at is "\\u{1b}[31m", not "noon"
  ✗ allow  authz.rego:11`.replace('"\\u{1b}', '"\\x1b'),
  )
  expect(out).toContain(`
It would be allowed if
  · input.identity.roles contained "admin"
  · input.at were "noon"
`)
  // Nothing of the record or the input may speak to the terminal.
  expect(out).not.toContain('\u001b')
})

test('it is data where that is asked for', async () => {
  const { out } = await explain(ID, '--json')
  expect(JSON.parse(out)).toMatchObject({
    record: { id: ID },
    notes: [],
    revision,
    allowed: false,
    decision: 'false',
    rules: [
      { rule: 'data.envoy.authz.allow', bodies: [{ file: 'authz.rego', row: 7 }, {}, {}, {}] },
    ],
    nearMisses: [
      { changes: [{ place: 'input.identity.roles', kind: 'contain', values: ['"admin"'] }] },
      { changes: [{ place: 'input.at', kind: 'be', values: ['"noon"'] }] },
    ],
  })
})

test('a policy that reads the time reads that of the decision', async () => {
  audit.answers = [decided({}, 'allow', '2026-01-01T00:00:00.000Z')]
  const { code, out, err } = await explain(ID)
  expect({ code, err }).toEqual({ code: 0, err: '' })
  expect(out).toContain('✓ allow  authz.rego:11')
})

test('that it is another decision than on record, or on other data, is said', async () => {
  audit.answers = [decided({ dataRevision: 7 }, 'allow')]
  const { code, err } = await explain(ID)
  expect(code).toBe(1)
  expect(err).toContain('note: the data had been changed by events')
  expect(err).toContain('note: it was `allow`, and is not what it is evaluated to now')
})

test('an input is explained by the policies that run, a folder, or a bundle', async () => {
  await using folder = temporaryDirectory()
  const file = path.join(folder.path, 'input.json')
  await writeFile(file, '{"identity":{"roles":["admin"]}}')
  expect(await explain('--input', file)).toMatchObject({
    code: 0,
    out: expect.stringContaining('✓ "admin" in input.identity.roles'),
  })
  expect(await explain('--input', file, '--policies', sources)).toMatchObject({ code: 0 })
  const bundle = path.join(dataDir, 'authz', 'policies', 'bundles', `${revision}.tar.gz`)
  const args = ['explain', '--data-dir', dataDir, '--bundle', bundle, '--input', '-']
  expect(await verdict(args, { stdin: INPUT })).toMatchObject({ code: 1, err: '' })
})

test('a request is asked of the cluster, and explained once its record is in the log', async () => {
  await using bus = await startBus()
  const answer: CheckAnswer = { id: ID, outcome: 'deny', reason: 'x', status: 403, headers: {} }
  let asked = ''
  const server = serve(await bus.connect('authz-serve'), {
    subject: subjects.check,
    queue: queues.authz,
    concurrencyMax: 1,
    handler: async (payload) => {
      asked = new TextDecoder().decode(payload)
      return new TextEncoder().encode(JSON.stringify(answer))
    },
    onError: () => undefined,
  })
  audit.answers = [undefined, undefined, decided()]
  const bundle = path.join(dataDir, 'authz', 'policies', 'bundles', `${revision}.tar.gz`)
  const places = ['--data-dir', bus.directory, '--nats', bus.url, '--bundle', bundle]
  const { code, out } = await explain(...places, '--path', '/orders/1', '--method', 'PUT')
  await server.drain()
  expect(JSON.parse(asked)).toMatchObject({ method: 'PUT', path: '/orders/1' })
  expect(audit.asked).toHaveLength(3)
  expect({ code, out }).toMatchObject({
    code: 1,
    out: expect.stringContaining('It would be allowed'),
  })
})

test('a bundle that was pushed is found by its name in the cluster', async () => {
  await using bus = await startBus()
  const opa = await opaBinary()
  const built = await buildArchive({ opa, sources, entrypoints: [ENTRYPOINT], revision: 'v7' })
  const publisher = await bus.connect('policy-publisher')
  const [digest, size] = [digestOf(built.archive), built.archive.byteLength]
  await putBundle(publisher, built.archive, digest)
  const { privateKey: key } = generateKeyPairSync('ed25519')
  const pointer = { name: 'shop', revision: 'v7', serial: built.serial, digest, size, version: 1 }
  const jws = await signPointer(pointer, { id: 'ops', algorithm: 'EdDSA', key })
  await putPointer(publisher, 'shop', { jws, replaces: undefined })
  audit.answers = [decided({ bundle: 'shop', revision: 'v7' })]
  const places = ['--data-dir', bus.directory, '--nats', bus.url]
  expect(await explain(...places, ID)).toMatchObject({
    code: 1,
    out: expect.stringContaining('policy    v7, rule envoy/authz/allow'),
  })
  audit.answers = [decided({ bundle: 'shop', revision: 'v6' })]
  const { err } = await explain(...places, ID)
  expect(err).toContain('there are no policies `v6`, neither in `')
  expect(err).toContain('nor as `shop` in the cluster, where `v7` is in force')
})

test('what cannot be explained says why', async () => {
  audit.answers = [decided({ revision: 'f'.repeat(64) })]
  expect(await explain(ID)).toMatchObject({
    code: 3,
    out: '',
    err: expect.stringContaining(`there are no policies \`${'f'.repeat(64)}\``),
  })
  expect((await explain(ID, '--policies', sources)).err).toContain('the decision was taken by')
  const { input: _, ...noInput } = decided().record.policy
  audit.answers = [{ record: { ...decided().record, policy: noInput } }]
  expect((await explain(ID)).err).toContain('its record has no input')
  audit.answers = [{ record: { ...decided().record, policy: { ...noInput, inputOmitted: true } } }]
  expect((await explain(ID)).err).toContain('its input is too long for the record')
  const erased = { ...noInput, input: `enc:${'i'.repeat(16)}:${'t'.repeat(60)}` }
  audit.answers = [{ record: { ...decided().record, policy: erased } }]
  expect((await explain(ID)).err).toContain('under a key that was destroyed')
  audit.answers = [{ record: { ...decided().record, policy: {} } }]
  expect((await explain(ID)).err).toContain('no policy was asked')
  audit.answers = [undefined]
  expect((await explain(ID)).err).toContain('it is still on the way')
  audit.answers = [{ hello: 'world' }]
  expect((await explain(ID)).err).toContain('what answered for audit is something else')
  const nowhere = ['--audit', 'http://127.0.0.1:1']
  expect((await verdict(['explain', ID, ...nowhere])).err).toContain("can't be asked")
})

test('arguments that do not go together are a mistake', async () => {
  for (const args of [[], [ID, '--path', '/'], ['--input', '-', '--path', '/']]) {
    expect(await explain(...args)).toMatchObject({
      code: 2,
      err: expect.stringContaining('name a decision, or'),
    })
  }
  expect((await explain('17')).err).toContain('`17` is no id of a decision')
  expect((await explain(ID, '--bundle', 'a', '--policies', 'b')).code).toBe(2)
  expect(await readFile(path.join(sources, 'authz.rego'), 'utf8')).toBe(REGO)
})
