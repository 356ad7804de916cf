import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { ask, onHeartbeat } from '@verdict/bus'
import {
  type Heartbeat,
  type IdentifyReply,
  type IdentifyRequest,
  subjects,
} from '@verdict/contract'
import { freePort, startBus, type TestBus, waitFor } from '@verdict/kit'
import {
  ConfigError,
  createHealth,
  createLog,
  createMetrics,
  type Health,
  type Registry,
  type RunningService,
  readConfig,
} from '@verdict/service'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { KeyServer } from '../test/key-server.ts'
import { AUDIENCE, createSigner, ISSUER, keySet, type Signer } from '../test/signer.ts'
import { settings } from './config.ts'
import { authn } from './service.ts'

const DEADLINE_MS = 20_000
const ASK_TIMEOUT_MS = 5000
const WEB = 'spiffe://cluster.local/ns/shop/sa/web'

type Connection = Awaited<ReturnType<TestBus['connect']>>

interface Started extends RunningService {
  readonly base: string
  readonly health: Health
  readonly metrics: Registry
  readonly failures: readonly unknown[]
}

let bus: TestBus
let authz: Connection
let signer: Signer
let keys: KeyServer
const running = new Set<RunningService>()

beforeAll(async () => {
  bus = await startBus()
  authz = await bus.connect('authz-serve')
  signer = await createSigner('ES256', 'k1')
  keys = await KeyServer.start(await freePort(), keySet(signer))
})

afterEach(async () => {
  await Promise.all([...running].map((service) => service.stop()))
  running.clear()
  keys.answer = (response) => response.end(keys.body)
})

afterAll(async () => {
  await keys[Symbol.asyncDispose]()
  await bus[Symbol.asyncDispose]()
})

async function issuersFile(jwks: object = { url: keys.url }): Promise<string> {
  const file = join(bus.directory, 'issuers.json')
  const issuers = [{ issuer: ISSUER, audiences: [AUDIENCE], jwks }]
  await writeFile(file, JSON.stringify({ issuers }))
  return file
}

async function environment(extra: Record<string, string> = {}): Promise<Record<string, string>> {
  return {
    VERDICT_NATS_URL: bus.url,
    VERDICT_KEYS_DIR: bus.keysDir,
    VERDICT_AUTHN_HTTP_PORT: String(await freePort()),
    ...extra,
  }
}

async function start(extra: Record<string, string> = {}, instance = 'authn-a'): Promise<Started> {
  const config = readConfig(settings, await environment(extra), 'authn')
  const health = createHealth()
  const metrics = createMetrics('authn')
  const failures: unknown[] = []
  const stopping = new AbortController()
  const destination = { write: () => undefined }
  const service = await authn.start({
    config,
    instance,
    log: createLog({ service: 'authn', instance, destination }),
    metrics,
    health,
    worker: { index: 1, count: 1 },
    stopping: stopping.signal,
    fail: (error) => failures.push(error),
  })
  const once = {
    async stop() {
      running.delete(once)
      stopping.abort()
      await service.stop()
    },
  }
  running.add(once)
  const base = `http://127.0.0.1:${config.httpPort}`
  return { ...once, base, health, metrics, failures }
}

async function question(request: IdentifyRequest | string): Promise<IdentifyReply> {
  const payload = typeof request === 'string' ? request : JSON.stringify(request)
  const bytes = new TextEncoder().encode(payload)
  const reply = await ask(authz, subjects.identify, bytes, { timeoutMs: ASK_TIMEOUT_MS })
  return JSON.parse(new TextDecoder().decode(reply))
}

async function identified({ metrics }: Started): Promise<number> {
  const metric = await metrics.getSingleMetric('verdict_authn_identifications_total')?.get()
  return metric?.values.reduce((sum, { value }) => sum + value, 0) ?? 0
}

test('authn says over the bus who is calling', async () => {
  await start({ VERDICT_AUTHN_ISSUERS: await issuersFile() })
  const token = await signer.token({ roles: ['buyer'] })
  expect(await question({ authorization: `Bearer ${token}`, sourcePrincipal: WEB })).toEqual({
    identity: {
      status: 'verified',
      subject: 'alice',
      issuer: ISSUER,
      claims: expect.objectContaining({ sub: 'alice', roles: ['buyer'] }),
      workload: expect.objectContaining({ id: WEB, namespace: 'shop', serviceAccount: 'web' }),
    },
    cacheUntilMs: expect.any(Number),
  })
  expect(await question({})).toMatchObject({ identity: { status: 'anonymous' } })
  const expired = await signer.token({ exp: 1 })
  expect(await question({ authorization: `Bearer ${expired}` })).toMatchObject({
    identity: { status: 'invalid', reason: 'expired' },
  })
})

test('without an issuers file tokens are not judged', async () => {
  await start()
  const authorization = `Bearer ${await signer.token()}`
  expect(await question({ authorization })).toMatchObject({ identity: { status: 'unverified' } })
})

test('a forwarded certificate names the workload only where that is configured', async () => {
  const forwardedClientCert = `Hash=1;URI=${WEB}`
  const careful = await start()
  expect(await question({ forwardedClientCert })).toMatchObject({
    identity: { status: 'anonymous' },
  })
  expect(await question({ forwardedClientCert })).not.toHaveProperty('identity.workload')
  await careful.stop()
  await start({ VERDICT_AUTHN_FORWARDED_CLIENT_CERT: 'trust' })
  expect(await question({ forwardedClientCert })).toMatchObject({
    identity: { workload: { id: WEB, from: 'x-forwarded-client-cert' } },
  })
})

test('missing keys and a question that is none are faults, and no identity', async () => {
  keys.answer = (response) => response.writeHead(500).end()
  const service = await start({ VERDICT_AUTHN_ISSUERS: await issuersFile() })
  const authorization = `Bearer ${await signer.token()}`
  expect(await question({ authorization })).toEqual({
    error: { code: 'keys_unavailable', message: expect.stringContaining(keys.url.href) },
  })
  expect(await question('{')).toMatchObject({ error: { code: 'malformed_question' } })
  const detail = `1 configured, without keys: ${ISSUER}`
  expect(service.health.report().checks).toMatchObject({ issuers: { ok: true, detail } })
  // Others are served meanwhile.
  expect(await question({})).toMatchObject({ identity: { status: 'anonymous' } })
})

test('identifications are counted by status and reason, and key fetches by issuer', async () => {
  const { base } = await start({ VERDICT_AUTHN_ISSUERS: await issuersFile() })
  await question({ authorization: `Bearer ${await signer.token()}` })
  await question({ authorization: 'Bearer garbage' })
  await question('{')
  const metrics = await (await fetch(`${base}/metrics`)).text()
  const counter = 'verdict_authn_identifications_total'
  expect(metrics).toContain(`${counter}{status="verified",reason=""} 1`)
  expect(metrics).toContain(`${counter}{status="invalid",reason="malformed"} 1`)
  expect(metrics).toContain(`${counter}{status="fault",reason="malformed_question"} 1`)
  expect(metrics).toContain(`verdict_authn_jwks_refreshes_total{issuer="${ISSUER}",outcome="ok"} 1`)
  expect(metrics).toContain('verdict_authn_identify_duration_seconds_count 3')
})

test('copies share the questions, and each is answered by one', async () => {
  const services = [await start({}, 'authn-a'), await start({}, 'authn-b')]
  await Promise.all(Array.from({ length: 200 }, () => question({})))
  const counts = await Promise.all(services.map(identified))
  expect(counts.reduce((a, b) => a + b)).toBe(200)
  expect(Math.min(...counts)).toBeGreaterThan(0)
})

test('a stop answers what was taken, and takes nothing more', async () => {
  const held: ServerResponse[] = []
  keys.answer = (response) => held.push(response)
  const service = await start({ VERDICT_AUTHN_ISSUERS: await issuersFile() })
  const authorization = `Bearer ${await signer.token()}`
  const answers = Array.from({ length: 10 }, () => question({ authorization }))
  await waitFor(() => held.length > 0, { deadlineMs: DEADLINE_MS, what: 'the fetch of keys' })
  // An answer to a later question says that the earlier ones were taken.
  await question({})
  const stopped = service.stop()
  for (const response of held) response.end(keys.body)
  for (const answer of await Promise.all(answers)) {
    expect(answer).toMatchObject({ identity: { status: 'verified' } })
  }
  await stopped
  await expect(question({})).rejects.toMatchObject({ code: 'no_responders' })
  await expect(fetch(`${service.base}/healthz`)).rejects.toThrow()
})

test('heartbeats say that authn is ready, and at the end that it stops', async () => {
  const beats: Heartbeat[] = []
  const listening = onHeartbeat(await bus.connect('telemetry'), (beat) => beats.push(beat))
  const service = await start({}, 'authn-beating')
  const mine = () => beats.filter(({ instance }) => instance === 'authn-beating')
  await waitFor(() => mine().at(-1)?.ready, { deadlineMs: DEADLINE_MS, what: 'a heartbeat' })
  expect(mine()[0]).toMatchObject({ service: 'authn', facts: { issuers: 0 } })
  await service.stop()
  await waitFor(() => mine().at(-1)?.stopping, { deadlineMs: DEADLINE_MS, what: 'the last one' })
  listening.stop()
})

test('authn is not ready while the bus is down, and answers again when it is back', async () => {
  const service = await start()
  const ready = async () => (await fetch(`${service.base}/readyz`)).status
  expect(await ready()).toBe(200)
  await bus.kill()
  await waitFor(async () => (await ready()) === 503, { deadlineMs: DEADLINE_MS, what: 'not ready' })
  await bus.up()
  await waitFor(async () => (await ready()) === 200, { deadlineMs: DEADLINE_MS, what: 'ready' })
  const answered = () =>
    question({}).then(
      () => true,
      () => false,
    )
  await waitFor(answered, { deadlineMs: DEADLINE_MS, what: 'an answer' })
  expect(service.failures).toEqual([])
})

test('an issuers file that can not be used stops the start with all its problems', async () => {
  const file = await issuersFile({ file: 'nowhere.json' })
  await expect(start({ VERDICT_AUTHN_ISSUERS: file })).rejects.toThrow(ConfigError)
  await expect(start({ VERDICT_AUTHN_ISSUERS: file })).rejects.toThrow(/nowhere\.json.*ENOENT/)
  const issuers = [{ issuer: ISSUER, audiences: [], jwks: {} }, 5]
  await writeFile(file, JSON.stringify({ issuers }))
  await expect(start({ VERDICT_AUTHN_ISSUERS: file })).rejects.toMatchObject({
    problems: [{ env: 'VERDICT_AUTHN_ISSUERS' }, {}, {}],
  })
})

test('a start that fails leaves nothing behind', async () => {
  await using taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  const address = taken.address()
  const port = String(typeof address === 'object' ? address?.port : undefined)
  await expect(start({ VERDICT_AUTHN_HTTP_PORT: port })).rejects.toMatchObject({
    code: 'EADDRINUSE',
  })
  await expect(question({})).rejects.toMatchObject({ code: 'no_responders' })
})

test('the process starts, answers, logs no token and stops with code 0', async () => {
  const env = await environment({
    PATH: process.env['PATH'] ?? '',
    VERDICT_AUTHN_ISSUERS: await issuersFile(),
    VERDICT_LOG_LEVEL: 'trace',
  })
  const main = join(import.meta.dirname, 'main.ts')
  const child = spawn(process.execPath, [main], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  try {
    const output = Promise.all([text(child.stdout), text(child.stderr)])
    const exit = once(child, 'exit')
    const readyz = `http://127.0.0.1:${env['VERDICT_AUTHN_HTTP_PORT']}/readyz`
    const ready = () =>
      fetch(readyz).then(
        ({ ok }) => ok,
        () => false,
      )
    await waitFor(ready, { deadlineMs: DEADLINE_MS, what: 'the process to be ready' })
    const tokens = [await signer.token(), await signer.token({ exp: 1 }), 'g4rb4ge']
    for (const token of tokens) await question({ authorization: `Bearer ${token}` })
    await question('Bearer g4rb4ge')
    child.kill('SIGTERM')
    expect(await exit).toEqual([0, null])
    const said = (await output).join('')
    expect(said).toContain('"event":"service_stopped"')
    expect(said).toContain('"event":"identify_failed"')
    for (const token of tokens) {
      for (const part of token.split('.')) expect(said).not.toContain(part)
    }
  } finally {
    child.kill('SIGKILL')
  }
})
