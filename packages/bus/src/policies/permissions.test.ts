import {
  PERMISSIONS,
  POLICY_BUNDLES,
  POLICY_DATA,
  POLICY_POINTERS,
  POLICY_STREAMS,
  type PolicyStream,
  policyApi,
  ROLES,
  type Role,
  wildcards,
} from '@verdict/contract'
import { startBus, type TestBus, waitFor } from '@verdict/kit'
import { headers, type NatsConnection } from 'nats'
import { expect, test } from 'vitest'
import { askPolicies } from '../jetstream-api.ts'
import { request } from '../request.ts'
import { followPolicyData, putPolicyData } from './data.ts'
import { putPointer } from './pointers.ts'

const TIMEOUT = { timeout: 120_000 }
const SOON = { deadlineMs: 20_000 }
const STORE = { timeoutMs: 5_000 }
const EMPTY = new Uint8Array()

const POINTER = `$KV.${POLICY_POINTERS.bucket}.shop`
const DATA = `$KV.${POLICY_DATA.bucket}.shop`
const CHUNK = `$O.${POLICY_BUNDLES.bucket}.C.abc`
const META = `$O.${POLICY_BUNDLES.bucket}.M.abc`
/** Who may write on a subject of the stores; nobody else may by any means. */
const WRITERS: readonly (readonly [subject: string, role: Role])[] = [
  [POINTER, 'policy-publisher'],
  [CHUNK, 'policy-publisher'],
  [META, 'policy-publisher'],
  [DATA, 'policy-data'],
]

type Counts = Record<PolicyStream['name'], number>

async function stored(bus: TestBus): Promise<Counts> {
  const nc = await bus.connect('operator')
  const counts = await Promise.all(
    POLICY_STREAMS.map(async ({ name }) => {
      const info = await askPolicies<{ state: { last_seq: number } }>(nc, `STREAM.INFO.${name}`)
      return [name, info.state.last_seq] as const
    }),
  )
  return Object.fromEntries(counts) as Counts
}

/** One message in each store but that of the bundles. */
async function fill(bus: TestBus): Promise<Counts> {
  const pointer = { jws: 'a.b.c', replaces: undefined }
  await putPointer(await bus.connect('policy-publisher'), 'shop', pointer)
  await putPolicyData(await bus.connect('policy-data'), ['shop'], '1')
  return await stored(bus)
}

async function publish(nc: NatsConnection, subject: string, payload: string, reply: string) {
  nc.publish(subject, payload, { reply })
  await nc.flush()
}

test('nobody but its writer can put anything into a store', TIMEOUT, async () => {
  await using bus = await startBus()
  const before = await fill(bus)
  for (const [subject, writer] of WRITERS) {
    for (const role of ROLES) {
      if (role === writer) continue
      const attempt = request(await bus.connect(role), subject, EMPTY, STORE)
      await expect(attempt, `${role} ${subject}`).rejects.toMatchObject({ code: 'forbidden' })
    }
  }
  expect(await stored(bus)).toEqual(before)
})

/** Subjects that a role may publish on, without wildcards. */
function questions(role: Role): string[] {
  return PERMISSIONS[role].publish.map((subject) =>
    subject.replace(/>$/, '1.1.1.1.0').replaceAll('*', 'x'),
  )
}

test('no reply subject puts anything into the store of another', TIMEOUT, async () => {
  await using bus = await startBus()
  const before = await fill(bus)
  const body = JSON.stringify({ seq: 1, next_by_subj: '>', batch: 10 })
  for (const role of ROLES) {
    const nc = await bus.connect(role)
    const foreign = WRITERS.filter(([, writer]) => writer !== role).map(([subject]) => subject)
    for (const subject of questions(role)) {
      // Its own store is for it to write.
      if (foreign.length < WRITERS.length && /^\$(KV|O)\./.test(subject)) continue
      for (const target of foreign) {
        await publish(nc, subject, '', target)
        await publish(nc, subject, body, target)
      }
    }
  }
  expect(await stored(bus)).toEqual(before)
})

test('an acknowledgement is stored nowhere else', TIMEOUT, async () => {
  await using bus = await startBus()
  const before = await fill(bus)
  await publish(await bus.connect('policy-publisher'), POINTER, 'x', DATA)
  await publish(await bus.connect('policy-publisher'), CHUNK, 'x', DATA)
  await publish(await bus.connect('policy-data'), DATA, '2', POINTER)
  await publish(await bus.connect('policy-data'), DATA, '3', META)
  await publish(await bus.connect('authz-record'), 'verdict.journal.a', 'x', POINTER)
  await publish(await bus.connect('authz-record'), 'verdict.journal.a', 'x', DATA)
  expect(await stored(bus)).toEqual({
    [POLICY_BUNDLES.name]: before[POLICY_BUNDLES.name] + 1,
    [POLICY_POINTERS.name]: before[POLICY_POINTERS.name] + 1,
    [POLICY_DATA.name]: before[POLICY_DATA.name] + 2,
  })
})

const MANAGEMENT = ({ name }: PolicyStream): string[] => [
  `STREAM.DELETE.${name}`,
  `STREAM.UPDATE.${name}`,
  `STREAM.PURGE.${name}`,
  `STREAM.MSG.DELETE.${name}`,
  `STREAM.SNAPSHOT.${name}`,
  `STREAM.RESTORE.${name}`,
  `CONSUMER.CREATE.${name}.x`,
  `CONSUMER.CREATE.${name}`,
  `CONSUMER.MSG.NEXT.${name}.x`,
  'STREAM.CREATE.OTHER',
  'INFO',
]

test('no role can change or remove a store, or leave a consumer in it', TIMEOUT, async () => {
  await using bus = await startBus()
  const before = await fill(bus)
  for (const role of ROLES) {
    const nc = await bus.connect(role)
    for (const stream of POLICY_STREAMS) {
      for (const question of MANAGEMENT(stream)) {
        for (const prefix of new Set(['$JS.API', policyApi(role), 'verdict.policy'])) {
          const subject = `${prefix}.${question}`
          // That of RECORD is the provisioner's; and the publisher cleans up behind itself.
          if (role === 'provisioner' && prefix === '$JS.API') continue
          if (PERMISSIONS[role].publish.includes(subject)) continue
          const attempt = request(nc, subject, EMPTY, STORE)
          await expect(attempt, `${role} ${subject}`).rejects.toMatchObject({ code: 'forbidden' })
        }
      }
    }
  }
  expect(await stored(bus)).toEqual(before)
})

test('the provisioner reaches no more of the stores than to declare them', TIMEOUT, async () => {
  await using bus = await startBus()
  const before = await fill(bus)
  const nc = await bus.connect('provisioner')
  for (const { name, subjects } of POLICY_STREAMS) {
    const other = { name, subjects: [...subjects], max_age: 1_000_000_000, storage: 'file' }
    const declared = askPolicies(nc, `STREAM.CREATE.${name}`, other)
    await expect(declared, name).rejects.toMatchObject({ code: 'api_refused' })
    // Not in its own account either, where it may do all: the stores are not there.
    const question = request(nc, `$JS.API.STREAM.INFO.${name}`, EMPTY, STORE)
    expect((await question).json<{ error?: { err_code: number } }>().error?.err_code).toBe(10059)
  }
  expect(await stored(bus)).toEqual(before)
})

test.each([
  [POINTER, 'policy-publisher', POLICY_POINTERS],
  [DATA, 'policy-data', POLICY_DATA],
] as const)('%s can only be replaced, not rolled up', TIMEOUT, async (subject, role, stream) => {
  await using bus = await startBus()
  const before = await fill(bus)
  const nc = await bus.connect(role)
  for (const [name, value] of [
    ['Nats-Rollup', 'all'],
    ['Nats-Rollup', 'sub'],
    ['Nats-TTL', '1s'],
    ['Nats-Schedule', '@at 2099-01-01T00:00:00Z'],
    ['Nats-Incr', '1'],
    ['Nats-Batch-Id', 'x'],
  ] as const) {
    const trick = headers()
    trick.set(name, value)
    const answer = await request(nc, subject, EMPTY, { ...STORE, headers: trick })
    expect(answer.json<{ error?: object }>().error, name).toBeDefined()
  }
  expect((await stored(bus))[stream.name]).toBe(before[stream.name])
})

const READERS: readonly (readonly [stream: PolicyStream, roles: readonly Role[]])[] = [
  [POLICY_BUNDLES, ['authz-serve', 'operator', 'policy-publisher']],
  [POLICY_POINTERS, ['authz-serve', 'operator', 'policy-publisher']],
  [POLICY_DATA, ['authz-serve', 'operator', 'policy-data']],
]

test('who is not for it reads no store, and hears no news', TIMEOUT, async () => {
  await using bus = await startBus()
  await fill(bus)
  const question = new TextEncoder().encode('{"seq":1}')
  for (const role of ROLES) {
    const nc = await bus.connect(role)
    for (const [{ name }, readers] of READERS) {
      for (const kind of ['STREAM.MSG.GET', 'DIRECT.GET']) {
        const reading = request(nc, `${policyApi(role)}.${kind}.${name}`, question, STORE)
        if (readers.includes(role)) await reading
        else await expect(reading, `${role} ${kind} ${name}`).rejects.toThrow(/does not let/)
      }
    }
    if (role === 'authz-serve' || role === 'operator') continue
    for (const subject of [wildcards.pointerNews, wildcards.dataNews]) {
      const closed = nc.subscribe(subject, { callback: () => {} }).closed
      await expect(closed, `${role} ${subject}`).resolves.toMatchObject({
        name: 'PermissionViolationError',
      })
    }
  }
})

test('nobody can announce a change', TIMEOUT, async () => {
  await using bus = await startBus()
  for (const role of ROLES) {
    const nc = await bus.connect(role)
    for (const wildcard of [wildcards.pointerNews, wildcards.dataNews]) {
      const subject = wildcard.replace('>', 'shop')
      const attempt = request(nc, subject, EMPTY, STORE)
      await expect(attempt, `${role} ${subject}`).rejects.toMatchObject({ code: 'forbidden' })
    }
  }
})

test('an announcement that a reply subject makes up changes nothing', TIMEOUT, async () => {
  await using bus = await startBus()
  await fill(bus)
  const stop = new AbortController()
  const told: string[] = []
  const following = followPolicyData(await bus.connect('authz-serve'), {
    onData: ({ path, json }) => told.push(`${path.join('/')}=${Buffer.from(json ?? '')}`),
    onReset: () => told.push('reset'),
    onError: (error) => told.push(String(error)),
    signal: stop.signal,
  })
  await following.ready
  const listener = await bus.connect('operator')
  const heard: string[] = []
  listener.subscribe(wildcards.dataNews, {
    callback: (_error, message) => void heard.push(message.string()),
  })
  await listener.flush()
  // The server itself sends its answer, which is a stored value of somebody else's, as news.
  const question = `${policyApi('authz-serve')}.DIRECT.GET.${POLICY_POINTERS.name}`
  const forger = await bus.connect('authz-serve')
  await publish(forger, question, '{"seq":1}', wildcards.dataNews.replace('>', 'shop'))
  await waitFor(() => heard.length === 1, { ...SOON, what: 'the forged news' })
  expect(heard).toEqual(['a.b.c'])
  await putPolicyData(await bus.connect('policy-data'), ['shop'], '2')
  await waitFor(() => told.includes('shop=2'), { ...SOON, what: 'the true change' })
  expect(told).toEqual(['reset', 'shop=1', 'shop=2'])
  stop.abort()
  await following.done
})
