import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { ask } from '@verdict/bus'
import { type CheckAnswer, subjects } from '@verdict/contract'
import {
  type DecisionPoint,
  ServiceProcess,
  sendHttp,
  startBus,
  startDecisionPoint,
  streamedDecision,
  type TestBus,
  TestIssuer,
  temporaryDirectory,
} from '@verdict/kit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { call, checkQuestion, field, message, type Question } from './check-question.ts'
import { Flag, frame, Type, Wire } from './http2-wire.ts'

/** Names that mean something to JavaScript are names like any other to a policy. */

const NAMES = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'valueOf']
const PAIRS = NAMES.map((name) => [name, 'polluted'] as const)
/** What the policy must see of them. `Object.fromEntries` makes own properties of all. */
const SEEN = Object.fromEntries(PAIRS)
const LISTS = Object.fromEntries(NAMES.map((name) => [name, ['polluted']]))

const POLICIES = {
  'authz.rego': `package envoy.authz

default allow := false

allow := {"allowed": false, "http_status": 404, "body": json.marshal(input)} if {
	input.parsed_path[0] == "echo"
}

allow := {
	"allowed": true,
	"headers": {name: "told" | some name in input.parsed_path},
	"response_headers_to_add": {name: ["a", "b"] | some name in input.parsed_path},
	"dynamic_metadata": {name: {"told": true} | some name in input.parsed_path},
	"query_parameters_to_set": {name: "told" | some name in input.parsed_path},
} if {
	input.parsed_path[0] == "told"
}
`,
}

const resources = new AsyncDisposableStack()
let bus: TestBus
let issuer: TestIssuer
let point: DecisionPoint
let harmless: unknown

beforeAll(async () => {
  bus = resources.use(await startBus())
  issuer = await TestIssuer.create(resources.use(temporaryDirectory()).path)
  const authn = { VERDICT_AUTHN_ISSUERS: issuer.issuersFile }
  resources.use(await ServiceProcess.start('authn', bus, authn))
  const settings = { VERDICT_AUTHZ_PROCESSES: '1' }
  point = resources.use(await startDecisionPoint({ bus, policies: POLICIES, settings }))
  harmless = await harmlessInput()
})
afterAll(async () => {
  await resources.disposeAsync()
})

/** The input of an ordinary question, which a polluted prototype would show in. */
async function harmlessInput(): Promise<unknown> {
  return { ...(await inputOf({ path: '/echo' })), attributes: undefined }
}

async function inputOf(question: Question): Promise<Record<string, unknown>> {
  using wire = await Wire.open(point.grpcPort)
  const bytes = message(checkQuestion(question))
  await wire.send(call(1), frame(Type.data, Flag.endStream, 1, bytes))
  const { payload } = await wire.frame('an answer', ({ type }) => type === Type.data)
  const text = payload.toString('utf8')
  return JSON.parse(text.slice(text.indexOf('{"'), text.lastIndexOf('}') + 1))
}

const JSON_BODY = JSON.stringify(SEEN)
const FORM = NAMES.map((name) => `${name}=polluted`).join('&')
const PARTS = NAMES.map(
  (name) => `--XX\r\nContent-Disposition: form-data; name="${name}"\r\n\r\npolluted\r\n`,
).join('')
const STRUCT = entriesOfStruct()

function entriesOfStruct(): Buffer {
  const fields = NAMES.map((name) => field(1, field(1, name), field(2, field(3, 'polluted'))))
  const filter = field(1, field(1, 'filter'), field(2, Buffer.concat(fields)))
  const named = NAMES.map((name) => field(1, field(1, name), field(2, ...fields)))
  return Buffer.concat([filter, ...named])
}

test.each<[where: string, question: Question, path: readonly string[], seen: unknown]>([
  ['headers', { headers: PAIRS }, ['attributes', 'request', 'http', 'headers'], SEEN],
  [
    'the keys of a header map',
    { headerMap: PAIRS },
    ['attributes', 'request', 'http', 'headerMap', 'headers'],
    PAIRS.map(([key, value]) => ({ key, value })),
  ],
  ['context extensions', { extensions: PAIRS }, ['attributes', 'contextExtensions'], SEEN],
  ['labels', { labels: PAIRS }, ['attributes', 'source', 'labels'], SEEN],
  [
    'metadata',
    { metadata: STRUCT },
    ['attributes', 'metadataContext', 'filterMetadata'],
    Object.fromEntries(['filter', ...NAMES].map((name) => [name, SEEN])),
  ],
  ['parameters of the query', { path: `/echo?${FORM}` }, ['parsed_query'], LISTS],
  [
    'segments of the path',
    { path: `/echo/${NAMES.join('/')}` },
    ['parsed_path'],
    ['echo', ...NAMES],
  ],
  [
    'keys of JSON',
    { body: JSON_BODY, headers: [['content-type', 'application/json']] },
    ['parsed_body'],
    SEEN,
  ],
  [
    'fields of a form',
    { body: FORM, headers: [['content-type', 'application/x-www-form-urlencoded']] },
    ['parsed_body'],
    LISTS,
  ],
  [
    'names of parts',
    { body: `${PARTS}--XX--`, headers: [['content-type', 'multipart/form-data; boundary=XX']] },
    ['parsed_body'],
    LISTS,
  ],
])(
  '%s: the policy sees each name as a key, and nothing else changes',
  async (_w, question, path, seen) => {
    const input = await inputOf({ path: '/echo', ...question })
    let found: unknown = input
    for (const key of path) found = (found as Record<string, unknown>)[key]
    expect(ordered(found)).toBe(ordered(seen))
    expect(await harmlessInput()).toEqual(harmless)
  },
)

/** As text, because `toEqual` does not look at a key `__proto__`. */
function ordered(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => {
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner
    return Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
  })
}

test('claims of a token: the policy sees each name as a key', async () => {
  const claims = Object.fromEntries(PAIRS)
  const token = await issuer.token('mallory', claims)
  const headers: [string, string][] = [['authorization', `Bearer ${token}`]]
  const { identity } = (await inputOf({ path: '/echo', headers })) as {
    identity: { subject: string; claims: object }
  }
  expect(identity.subject).toBe('mallory')
  const { claims: seen } = identity
  expect(ordered(Object.fromEntries(Object.entries(seen).filter(([n]) => NAMES.includes(n))))).toBe(
    ordered(SEEN),
  )
  expect(await harmlessInput()).toEqual(harmless)
})

test('headers over HTTP and NATS: the policy sees each name as a key', async () => {
  const overHttp = await sendHttp(point.process.url('/check/echo'), {
    headers: Object.fromEntries(PAIRS),
  })
  const lower = Object.fromEntries(PAIRS.map(([name, value]) => [name.toLowerCase(), value]))
  const { http } = JSON.parse(overHttp.body).attributes.request
  expect(ordered(http.headers)).toBe(ordered(lower))
  const operator = await bus.connect('operator')
  const query = { method: 'GET', path: '/echo', headers: Object.fromEntries(PAIRS) }
  const asked = Buffer.from(JSON.stringify(query))
  const answer = JSON.parse(
    Buffer.from(await ask(operator, subjects.check, asked, { timeoutMs: 5_000 })).toString(),
  ) as CheckAnswer & { body: string }
  expect(ordered(JSON.parse(answer.body).attributes.request.http.headers)).toBe(ordered(lower))
  expect(await harmlessInput()).toEqual(harmless)
})

test('what a policy tells under such names arrives, and the record is right', async () => {
  const path = `/told/${NAMES.join('/')}`
  const socket = connect(point.process.port, '127.0.0.1')
  socket.write(`GET /check${path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`)
  const answer = await text(socket)
  expect(answer).toMatch(/^HTTP\/1\.1 200 /)
  // Of both kinds of headers that the policy tells, those for the client come last.
  for (const name of NAMES) expect(answer.toLowerCase()).toContain(`\r\n${name.toLowerCase()}: a`)
  const id = /x-verdict-decision-id: (\S+)/.exec(answer)?.[1]
  const { record } = await streamedDecision(bus, id)
  expect(record).toMatchObject({ outcome: 'allow', request: { path } })
  using wire = await Wire.open(point.grpcPort)
  await wire.send(
    call(1),
    frame(Type.data, Flag.endStream, 1, message(checkQuestion({ path, headers: PAIRS }))),
  )
  const { payload } = await wire.frame('an answer', ({ type }) => type === Type.data)
  for (const name of NAMES) {
    // A header, a header for the client twice, a parameter, and metadata.
    const told = payload.toString('latin1').toLowerCase().split(name.toLowerCase()).length - 1
    expect([name, told]).toEqual([name, 5])
  }
  expect(await harmlessInput()).toEqual(harmless)
})
