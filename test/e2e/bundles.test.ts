import { execFile } from 'node:child_process'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { gunzipSync, gzipSync } from 'node:zlib'
import { ask, busHealth, putPolicyData } from '@verdict/bus'
import { type CheckAnswer, subjects } from '@verdict/contract'
import {
  bundleKey,
  type DecisionPoint,
  pointerTo,
  pushBundle,
  sendHttp,
  startBus,
  startDecisionPoint,
  startIdentityResponder,
  streamedDecision,
  type TestBundleKey,
  type TestBus,
  temporaryDirectory,
  waitFor,
  writeFiles,
} from '@verdict/kit'
import { readSigningKey, signBundle } from '@verdict/policy'
import type { NatsConnection } from 'nats'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'

/**
 * Signed bundles from `verdict policy` to the decisions of two processes, one after the other:
 * the tests build on each other.
 */

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })
const SOON = { deadlineMs: 60_000 }
const MAIN = resolve(import.meta.dirname, '../../packages/cli/src/main.ts')
const COMMAND_TIMEOUT_MS = 90_000
const run = promisify(execFile)

const resources = new AsyncDisposableStack()
let bus: TestBus
let point: DecisionPoint
let publisher: NatsConnection
let folder: string
let ops: TestBundleKey

async function verdict(...args: string[]): Promise<string> {
  const env = { ...process.env, NO_COLOR: '1', VERDICT_NATS_URL: bus.url }
  const options = { cwd: folder, env, timeout: COMMAND_TIMEOUT_MS }
  return (await run(process.execPath, [MAIN, 'policy', ...args], options)).stdout
}

/** A signed bundle whose decisions tell its serial. */
async function built(serial: number, root = 'shop', sign = ['--sign', 'ops.pem']): Promise<string> {
  const policies = join(folder, `policies-${root.replaceAll('/', '-')}-${serial}`)
  const name = root.replaceAll('/', '.')
  const rule = `allow := {"allowed": true, "reason": data.${name}.reason}`
  const rego = `package ${name}\n\n# METADATA\n# scope: rule\n${rule}\n`
  writeFiles(policies, {
    'policy.rego': rego,
    [`${root}/data.json`]: `{"reason": "${root} ${serial}"}`,
  })
  const file = join(folder, `${root.replaceAll('/', '-')}-${serial}-${sign.length}.tar.gz`)
  await verdict(
    ...['build', '--policies', policies, '--entrypoint', `${root}/allow`, '--root', root],
    ...['--serial', String(serial), '--revision', String(serial), '--output', file],
    ...sign,
  )
  return file
}

async function push(name: string, file: string, ...more: string[]): Promise<void> {
  const keys = ['--nkeys', bus.keysDir]
  await verdict('push', file, '--name', name, '--sign', 'ops.pem', ...keys, ...more)
}

/** Puts in force what `verdict policy push` would not: by a pointer that is as it should be. */
async function force(name: string, archive: Uint8Array, revision: string): Promise<void> {
  const version = Date.now()
  const jws = await pointerTo(archive, { name, revision, version }, ops)
  await pushBundle(publisher, { archive, name, jws })
}

/** What a decision says that comes over a connection of its own, to any of the processes. */
async function reason(): Promise<string> {
  const answer = await sendHttp(point.process.url('/check/a'), { headers: { connection: 'close' } })
  return answer.status === 200 ? String(answer.headers['x-verdict-reason']) : `${answer.status}`
}

/** Each process has its turn among so many connections. */
async function allSay(said: string): Promise<void> {
  const all = async (): Promise<boolean> => {
    const reasons = await Promise.all(Array.from({ length: 16 }, reason))
    return reasons.every((one) => one === said)
  }
  await waitFor(all, { ...SOON, what: `all decisions to be by ${said}` })
}

async function refusals(code: string, bundle = 'shop'): Promise<number> {
  return await point.metric(`verdict_bundle_refused_total{bundle="${bundle}",code="${code}"}`)
}

beforeAll(async () => {
  folder = resources.use(temporaryDirectory()).path
  bus = resources.use(await startBus())
  resources.use(await startIdentityResponder(bus))
  publisher = await bus.connect('policy-publisher')
  await verdict('keygen', 'ops.pem', '--trust', 'keys.json')
  const signing = readSigningKey(readFileSync(join(folder, 'ops.pem'), 'utf8'), { id: 'ops' })
  ops = { signing, described: { algorithm: 'EdDSA', publicKey: '' } }
  const bundles = join(folder, 'bundles.json')
  writeFileSync(bundles, JSON.stringify({ keys: 'keys.json', bundles: { shop: {}, other: {} } }))
  point = resources.use(
    await startDecisionPoint({
      bus,
      policies: {},
      entrypoint: 'shop/allow',
      settings: { VERDICT_AUTHZ_BUNDLES: bundles, VERDICT_AUTHZ_PROCESSES: '2' },
      waitUntilReady: false,
    }),
  )
})

afterAll(async () => {
  await resources.disposeAsync()
})

const files = new Map<number, string>()

async function shop(serial: number): Promise<string> {
  const file = files.get(serial) ?? (await built(serial))
  files.set(serial, file)
  return file
}

test('what is pushed decides, over every protocol, and the record says which it was', async () => {
  const isUp = async (): Promise<boolean> => (await reason().catch(() => '')) === '503'
  await waitFor(isUp, { ...SOON, what: 'an answer without a policy' })
  expect((await point.readiness()).status).not.toBe('ready')
  await push('shop', await shop(1))
  await push('other', await built(1, 'other'))
  await point.process.waitUntilReady()
  await allSay('shop 1')
  const asker = await bus.connect('client')
  const question = Buffer.from(JSON.stringify({ method: 'GET', host: 'shop', path: '/a' }))
  const reply = await ask(asker, subjects.check, question, { timeoutMs: 5_000 })
  const answer = JSON.parse(Buffer.from(reply).toString()) as CheckAnswer
  if ('error' in answer) throw new Error(answer.error.message)
  expect(answer.reason).toBe('shop 1')
  const { record } = await streamedDecision(bus, answer.id)
  expect(record.policy).toMatchObject({ bundle: 'shop', revision: '1', entrypoint: 'shop/allow' })
  expect(record.policy).not.toHaveProperty('dataRevision')
})

test('a new bundle takes over under load, and no request is lost or failed', async () => {
  const file = await shop(2)
  using client = point.client()
  const said = new Map<string, number>()
  const underWay = new Set<Promise<void>>()
  const ask = async (overHttp: boolean): Promise<void> => {
    const http = { method: 'GET', path: '/a', host: 'shop' }
    const answer = overHttp
      ? await reason()
      : `gRPC ${(await client.check({ request: { http } })).status.code ?? 0}`
    said.set(answer, (said.get(answer) ?? 0) + 1)
  }
  let sent = 0
  const timer = setInterval(() => {
    const asked = ask(sent++ % 2 === 0).catch((error: Error) => {
      said.set(error.message, 1)
    })
    underWay.add(asked)
  }, 5)
  await waitFor(() => said.has('shop 1'), { ...SOON, what: 'decisions by the first' })
  await push('shop', file)
  await waitFor(() => said.has('shop 2'), { ...SOON, what: 'decisions by the second' })
  await allSay('shop 2')
  clearInterval(timer)
  await Promise.all(underWay)
  expect([...said.keys()].toSorted()).toEqual(['gRPC 0', 'shop 1', 'shop 2'])
  const serial = async () => await point.metric('verdict_bundle_serial{bundle="shop"}')
  await waitFor(async () => (await serial()) === 2, { ...SOON, what: 'both to tell the serial' })
})

test('whatever is not as it was signed, or too old, is refused with its own code', async () => {
  const archive = readFileSync(await shop(3))
  const mallory = bundleKey('mallory')
  const impostor = bundleKey('ops')
  const forged = gunzipSync(archive)
  forged.write('shop 9', forged.indexOf('shop 3'))
  const unsigned = readFileSync(await built(3, 'shop', []))
  const attacks: readonly (readonly [code: string, bundle: string, () => Promise<void>])[] = [
    ['bundle_tampered', 'shop', () => force('shop', gzipSync(forged), '3')],
    ['bundle_unsigned', 'shop', () => force('shop', unsigned, '3')],
    [
      'bundle_key_unknown',
      'shop',
      async () => force('shop', await signBundle(archive, mallory.signing), '3'),
    ],
    [
      'bundle_signature_invalid',
      'shop',
      async () => force('shop', await signBundle(archive, impostor.signing), '3'),
    ],
    ['bundle_older', 'shop', async () => force('shop', readFileSync(await shop(1)), '1')],
    [
      'bundle_roots_overlap',
      'other',
      async () => force('other', readFileSync(await built(2, 'shop/inner')), '2'),
    ],
  ]
  for (const [code, bundle, attack] of attacks) {
    await attack()
    const what = `both processes to refuse it as ${code}`
    await waitFor(async () => (await refusals(code, bundle)) >= 2, { ...SOON, what })
    await allSay('shop 2')
  }
  const detail = (await point.readiness()).checks['policy']?.detail
  expect(detail).toMatch(/`shop`: revision 2, serial 2; .*refused: bundle_older: /)
  expect((await point.readiness()).status).toBe('ready')
})

test('a signed rollback leads back, and is what a later push has to go beyond', async () => {
  await push('shop', await shop(2))
  await expect(push('shop', await shop(1))).rejects.toThrow(/bundle_older|serial/)
  await push('shop', await shop(1), '--rollback')
  await allSay('shop 1')
  await push('shop', await shop(3))
  await allSay('shop 3')
})

test('data is in effect with its event, and on the record', async () => {
  const writer = await bus.connect('policy-data')
  const { revision } = await putPolicyData(writer, ['shop', 'reason'], '"by data"')
  await allSay('by data')
  using client = point.client()
  const answer = await client.check({ request: { http: { method: 'GET', path: '/', host: 'a' } } })
  const id = answer.dynamic_metadata?.fields['decision_id']?.stringValue
  const { record } = await streamedDecision(bus, id)
  expect(record.policy).toMatchObject({ bundle: 'shop', revision: '3', dataRevision: revision })
  await putPolicyData(writer, ['shop', 'reason'], undefined)
  await allSay('shop 3')
})

test('status shows what is in force and who runs it', async () => {
  await push('other', await built(3, 'other'), '--wait', '60')
  const status = JSON.parse(await verdict('status', '--json', '--nkeys', bus.keysDir)) as {
    fleet: readonly { bundle?: string; state: string; revision?: string }[]
  }
  const states = status.fleet.map(({ bundle, state }) => `${bundle} ${state}`).toSorted()
  expect(states).toEqual(['other active', 'other active', 'shop active', 'shop active'])
})

test('without NATS, a start decides by the last good bundle, and refuses older ones after it', async () => {
  await point.end('SIGTERM')
  await bus.kill()
  // What comes back has none of the bundles.
  rmSync(join(bus.directory, 'nats'), { recursive: true })
  await point.up()
  const started = async (): Promise<boolean> => {
    const readiness = await point.readiness().catch(() => undefined)
    return /`shop`: revision 3, serial 3/.test(readiness?.checks['policy']?.detail ?? '')
  }
  await waitFor(started, { ...SOON, what: 'the bundle on disk' })
  await bus.up()
  await bus.provision()
  await point.process.waitUntilReady()
  await allSay('shop 3')
  await waitFor(() => busHealth(publisher)().ok, { ...SOON, what: 'the publisher to be back' })
  await force('shop', readFileSync(await shop(2)), '2')
  const refused = async (): Promise<boolean> => (await refusals('bundle_older')) >= 2
  await waitFor(refused, { ...SOON, what: 'both processes to refuse an older one' })
  await allSay('shop 3')
})

test('a start with a file of bundles that is none says all that is wrong with it', async () => {
  const file = join(folder, 'bad.json')
  writeFileSync(file, JSON.stringify({ keys: 'gone.json', bundles: { 'a.b': {}, c: { wait: 1 } } }))
  await using refused = await startDecisionPoint({
    bus,
    policies: {},
    settings: { VERDICT_AUTHZ_BUNDLES: file },
    waitUntilReady: false,
  })
  await expect(refused.process.waitUntilReady()).rejects.toThrow(
    /VERDICT_AUTHZ_BUNDLES .*gone\.json.*ENOENT.*bundles\.a\.b.*bundles\.c\.wait/s,
  )
})
