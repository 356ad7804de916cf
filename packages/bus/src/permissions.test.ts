import { stat } from 'node:fs/promises'
import {
  AUDIT_ANSWERS,
  DECISIONS,
  inboxPrefix,
  PERMISSIONS,
  queues,
  ROLES,
  type Role,
  streamApi,
  subjects,
} from '@verdict/contract'
import { startBus, type TestBus, temporaryDirectory, waitFor } from '@verdict/kit'
import { connect, headers, type NatsConnection, nkeyAuthenticator } from 'nats'
import { expect, test } from 'vitest'
import { connectBus } from './connect.ts'
import { askJetStream } from './jetstream-api.ts'
import { createKeys, readKey, seedFile } from './keys.ts'
import { request } from './request.ts'
import { serve } from './serve.ts'
import { storeBatch } from './store-batch.ts'

const TIMEOUT = { timeout: 60_000 }
const SOON = { deadlineMs: 10_000 }
const STORE = { timeoutMs: 5_000 }
const FORGED = subjects.journal('forged')
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

interface StreamState {
  readonly messages: number
  readonly subjects?: Readonly<Record<string, number>>
}

/** What the stream holds, by subject, as the one who declared it sees it. */
async function stored(bus: TestBus): Promise<StreamState> {
  const nc = await bus.connect('provisioner')
  const question = JSON.stringify({ subjects_filter: '>' })
  const info = await nc.request(`$JS.API.STREAM.INFO.${DECISIONS.name}`, question)
  return info.json<{ state: StreamState }>().state
}

/** Publishes, and waits until the server has judged it and all that follows from it. */
async function publish(
  nc: NatsConnection,
  subject: string,
  payload: string,
  reply?: string,
): Promise<void> {
  nc.publish(subject, payload, reply === undefined ? {} : { reply })
  await nc.flush()
}

/** Waits until the server's refusals are heard, which come beside the answers. */
async function refused(bus: TestBus, ...expected: string[]): Promise<void> {
  await waitFor(() => expected.every((refusal) => bus.refusals.includes(refusal)), {
    ...SOON,
    what: `${expected.join(' and ')} among ${bus.refusals.join(', ')}`,
  })
}

function refusal(role: Role, operation: 'Publish' | 'Subscription', subject: string): string {
  return `${role}: the nats-server says: Permissions Violation for ${operation} to "${subject}"`
}

test('without a key, with a password or with a foreign key nobody connects', TIMEOUT, async () => {
  await using bus = await startBus()
  await using dir = temporaryDirectory()
  await createKeys(dir.path)
  const foreign = nkeyAuthenticator((await readKey(seedFile(dir.path, 'operator'))).getSeed())
  const attempts = [{}, { user: 'audit', pass: 'audit' }, { authenticator: foreign }]
  for (const attempt of attempts) {
    const connection = connect({ servers: bus.url, reconnect: false, ...attempt })
    await expect(connection).rejects.toThrow(/authorization violation/i)
  }
})

test('every key is readable for its owner alone', TIMEOUT, async () => {
  await using bus = await startBus()
  for (const role of ROLES) {
    expect((await stat(seedFile(bus.keysDir, role))).mode & 0o777, role).toBe(0o600)
  }
})

test('nobody but authz-record can publish a decision', TIMEOUT, async () => {
  await using bus = await startBus()
  for (const role of ROLES) {
    if (role === 'authz-record') continue
    const nc = await bus.connect(role)
    const attempt = storeBatch(nc, FORGED, bytes('forged\n'), STORE)
    await expect(attempt, role).rejects.toMatchObject({ code: 'forbidden' })
    await refused(bus, refusal(role, 'Publish', FORGED))
  }
  expect(await stored(bus)).toMatchObject({ messages: 0 })

  const recorder = await bus.connect('authz-record')
  await storeBatch(recorder, subjects.journal('authz-1'), bytes('true\n'), STORE)
  expect(await stored(bus)).toMatchObject({ subjects: { 'verdict.journal.authz-1': 1 } })
})

test("a caller's reply subject makes no service publish a decision", TIMEOUT, async () => {
  await using bus = await startBus()
  const authz = await bus.connect('authz-serve')
  const authn = await bus.connect('authn')
  const heard: string[] = []
  // Services without the guard of `serve`: what holds here is the server alone.
  const careless = (nc: NatsConnection, subject: string): void => {
    nc.subscribe(subject, {
      callback: (_error, message) => {
        heard.push(`${subject} from ${message.string()}`)
        message.respond(`${message.string()}'s words`)
      },
    })
  }
  careless(authz, subjects.check)
  careless(authn, subjects.identify)
  await Promise.all([authz.flush(), authn.flush()])

  await publish(await bus.connect('client'), subjects.check, 'client', FORGED)
  await publish(await bus.connect('operator'), subjects.check, 'operator', FORGED)
  await publish(await bus.connect('authz-serve'), subjects.identify, 'authz-serve', FORGED)
  await waitFor(() => heard.length === 3, { ...SOON, what: 'the services to be asked' })
  await Promise.all([authz.flush(), authn.flush()])
  const byWhom = ['authz-serve', 'authn'] as const
  await refused(bus, ...byWhom.map((role) => refusal(role, 'Publish', FORGED)))
  expect(await stored(bus)).toMatchObject({ messages: 0 })
})

test('the reply subject of a question to JetStream makes it store nothing', TIMEOUT, async () => {
  await using bus = await startBus()
  const recorder = await bus.connect('authz-record')
  await storeBatch(recorder, subjects.journal('authz-1'), bytes('true\n'), STORE)
  for (const role of ROLES) {
    if (role === 'authz-record' || role === 'provisioner') continue
    const nc = await bus.connect(role)
    const questions = PERMISSIONS[role].publish.filter((subject) => !subject.includes('*'))
    for (const subject of questions) {
      const literal = subject.replace('>', '1.1.1.1.0')
      await publish(nc, literal, '', FORGED)
      await publish(nc, literal, '{"batch":1,"no_wait":true}', FORGED)
      await publish(nc, literal, '+NXT', FORGED)
    }
  }
  // The answer to a question of our own comes behind all that those above brought about.
  expect(await stored(bus)).toMatchObject({
    messages: 1,
    subjects: { 'verdict.journal.authz-1': 1 },
  })
})

test('a message that wants to be traced makes the server publish nothing', TIMEOUT, async () => {
  await using bus = await startBus()
  const decided = 'verdict.decided.allow.shop.orders'
  const heard: string[] = []
  const subscriber = await bus.connect('subscriber')
  subscriber.subscribe(decided, {
    callback: (_error, message) => void heard.push(message.string()),
  })
  await subscriber.flush()
  const client = await bus.connect('client')
  for (const destination of [FORGED, decided]) {
    client.publish(subjects.check, '{}', { traceDestination: destination })
    await client.flush()
  }
  await publish(await bus.connect('audit'), decided, 'true')
  await waitFor(() => heard.includes('true'), { ...SOON, what: 'the decision' })
  expect(heard).toEqual(['true'])
  expect(await stored(bus)).toMatchObject({ messages: 0 })
})

test('a foreign message id suppresses no batch', TIMEOUT, async () => {
  await using bus = await startBus()
  const attacker = await bus.connect('authz-record')
  const batch = bytes('a line\n')
  for (const id of ['1', 'authz-2', 'a line', 'verdict.journal.authz-2']) {
    const poison = headers()
    poison.set('Nats-Msg-Id', id)
    const subject = subjects.journal('authz-1')
    await request(attacker, subject, batch, { ...STORE, headers: poison })
  }
  const victim = await bus.connect('authz-record')
  const before = await storeBatch(victim, subjects.journal('authz-2'), batch, STORE)
  const after = await storeBatch(victim, subjects.journal('authz-2'), batch, STORE)
  expect(after.seq).toBe(before.seq + 1)
  expect(await stored(bus)).toMatchObject({ subjects: { 'verdict.journal.authz-2': 2 } })
})

test('a recorder cannot remove, replace or expire what is stored', TIMEOUT, async () => {
  await using bus = await startBus()
  const recorder = await bus.connect('authz-record')
  const subject = subjects.journal('authz-1')
  await storeBatch(recorder, subject, bytes('true\n'), STORE)
  for (const [name, value] of [
    ['Nats-Rollup', 'all'],
    ['Nats-TTL', '1s'],
    ['Nats-Schedule', '@at 2099-01-01T00:00:00Z'],
    ['Nats-Incr', '1'],
    ['Nats-Batch-Id', 'x'],
  ] as const) {
    const trick = headers()
    trick.set(name, value)
    const options = { ...STORE, headers: trick }
    const answer = await request(recorder, subject, bytes('forged\n'), options).then((message) =>
      message.json<{ error?: object }>(),
    )
    expect(answer.error, name).toBeDefined()
  }
  expect(await stored(bus)).toMatchObject({ messages: 1 })
})

test('no role but the provisioner can touch the stream or its consumers', TIMEOUT, async () => {
  await using bus = await startBus()
  const recorder = await bus.connect('authz-record')
  await storeBatch(recorder, subjects.journal('authz-1'), bytes('true\n'), STORE)
  const provisioner = await bus.connect('provisioner')
  const before = await askJetStream(provisioner, `STREAM.INFO.${DECISIONS.name}`)
  const questions = [
    `STREAM.DELETE.${DECISIONS.name}`,
    `STREAM.PURGE.${DECISIONS.name}`,
    `STREAM.UPDATE.${DECISIONS.name}`,
    `STREAM.MSG.DELETE.${DECISIONS.name}`,
    `STREAM.MSG.GET.${DECISIONS.name}`,
    `STREAM.SNAPSHOT.${DECISIONS.name}`,
    `STREAM.RESTORE.${DECISIONS.name}`,
    'STREAM.CREATE.OTHER',
    `CONSUMER.DELETE.${DECISIONS.name}.audit`,
    `CONSUMER.CREATE.${DECISIONS.name}.audit`,
    `CONSUMER.DURABLE.CREATE.${DECISIONS.name}.audit`,
    `CONSUMER.PAUSE.${DECISIONS.name}.audit`,
    `CONSUMER.RESET.${DECISIONS.name}.audit`,
    'INFO',
  ]
  for (const role of ROLES) {
    if (role === 'provisioner') continue
    const nc = await bus.connect(role)
    for (const question of questions) {
      for (const prefix of new Set(['$JS.API', streamApi(role)])) {
        const attempt = request(nc, `${prefix}.${question}`, bytes('{}'), STORE)
        await expect(attempt, `${role} ${question}`).rejects.toMatchObject({ code: 'forbidden' })
      }
    }
  }
  const after = await askJetStream(provisioner, `STREAM.INFO.${DECISIONS.name}`)
  expect(after.config).toEqual(before.config)
  expect(await stored(bus)).toMatchObject({ messages: 1 })
})

test('not even the provisioner can delete or purge what is stored', TIMEOUT, async () => {
  await using bus = await startBus()
  const recorder = await bus.connect('authz-record')
  await storeBatch(recorder, subjects.journal('authz-1'), bytes('true\n'), STORE)
  const provisioner = await bus.connect('provisioner')
  const name = DECISIONS.name
  await expect(askJetStream(provisioner, `STREAM.PURGE.${name}`)).rejects.toMatchObject({
    code: 'api_refused',
    errCode: 10110,
  })
  const question = askJetStream(provisioner, `STREAM.MSG.DELETE.${name}`, { seq: 1 })
  await expect(question).rejects.toMatchObject({ code: 'api_refused', errCode: 10057 })
})

test('one reader cannot read or acknowledge as another', TIMEOUT, async () => {
  await using bus = await startBus()
  const telemetry = await bus.connect('telemetry')
  const next = `${streamApi('telemetry')}.CONSUMER.MSG.NEXT.${DECISIONS.name}.audit`
  await publish(telemetry, next, '')
  const ack = `$JS.ACK.${DECISIONS.name}.audit.1.1.1.1.0`
  await publish(telemetry, ack, '+ACK')
  await refused(bus, ...[next, ack].map((subject) => refusal('telemetry', 'Publish', subject)))
})

test('each role hears what it is for, and nothing else', TIMEOUT, async () => {
  await using bus = await startBus()
  for (const role of ROLES) {
    const nc = await bus.connect(role)
    const forbidden = [
      '>',
      'verdict.>',
      'verdict.journal.*',
      '_INBOX.>',
      '_INBOX.*.>',
      '_R_.>',
      '$JS.>',
      '$JS.ACK.>',
      '$SYS.>',
      ...ROLES.filter((other) => other !== role).map((other) => `${inboxPrefix(other)}.>`),
    ]
    for (const subject of forbidden) {
      const closed = nc.subscribe(subject, { callback: () => {} }).closed
      await expect(closed, `${role} ${subject}`).resolves.toMatchObject({
        name: 'PermissionViolationError',
      })
    }
  }
})

test(
  'audit is answered across accounts, where nobody else can have authz answer',
  TIMEOUT,
  async () => {
    await using bus = await startBus()
    const authz = await bus.connect('authz-serve')
    const refusals: unknown[] = []
    let asked = 0
    serve(authz, {
      ...{ subject: subjects.check, queue: queues.authz, concurrencyMax: 1 },
      handler: (question) => Promise.resolve(question.with(0, ++asked)),
      onError: (error) => refusals.push(error),
    })
    await authz.flush()
    const audit = await bus.connect('audit')
    const ask = () => request(audit, subjects.check, bytes('?'), { ...STORE, inbox: AUDIT_ANSWERS })
    expect([...(await ask()).data]).toEqual([1])
    const heard: string[] = []
    audit.subscribe('_INBOX.audit.>', {
      callback: (_error, { subject }) => void heard.push(subject),
    })
    await audit.flush()
    // The server takes no request that names such a subject; an inbox is one of its own account.
    for (const reply of ['_R_.a.b', '_INBOX.audit.x', `${AUDIT_ANSWERS}.x`]) {
      await publish(await bus.connect('client'), subjects.check, '?', reply)
    }
    await authz.flush()
    expect((await ask()).data.length).toBe(1)
    await audit.flush()
    expect(heard).toEqual([])
    expect(bus.refusals.join()).toContain('"_R_.a.b"')
  },
)

test('a subscriber hears decisions and can say nothing', TIMEOUT, async () => {
  await using bus = await startBus()
  const subscriber = await bus.connect('subscriber')
  const heard: string[] = []
  subscriber.subscribe('verdict.decided.*.*.*', {
    callback: (_error, message) => void heard.push(message.string()),
  })
  await subscriber.flush()
  const decided = 'verdict.decided.allow.shop.orders'
  await publish(await bus.connect('audit'), decided, 'true')
  await waitFor(() => heard.length > 0, { ...SOON, what: 'the decision' })
  for (const subject of [decided, subjects.check, subjects.identify, 'anything']) {
    await publish(subscriber, subject, 'forged')
    await refused(bus, refusal('subscriber', 'Publish', subject))
  }
  for (const role of ROLES) {
    if (role === 'audit') continue
    await publish(await bus.connect(role), decided, 'forged')
    await refused(bus, refusal(role, 'Publish', decided))
  }
  await subscriber.flush()
  expect(heard).toEqual(['true'])
})

test('a role with the name of another in its connection gains nothing', TIMEOUT, async () => {
  await using bus = await startBus()
  // The key counts, not what the connection calls itself or where it wants its replies.
  const nc = await connectBus({
    url: bus.url,
    role: 'authz-record',
    seedFile: seedFile(bus.keysDir, 'client'),
    name: 'authz-record',
  })
  try {
    const attempt = storeBatch(nc, FORGED, bytes('forged\n'), STORE)
    await expect(attempt).rejects.toMatchObject({ code: 'forbidden' })
    expect(await stored(bus)).toMatchObject({ messages: 0 })
  } finally {
    await nc.close()
  }
})
