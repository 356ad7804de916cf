import { readFileSync } from 'node:fs'
import type { DecisionRecord } from '@verdict/contract'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { parquetReadObjects } from 'hyparquet'
import { expect, test } from 'vitest'
import { LINE_FORMATS } from './line-formats.ts'
import type { LoggedDecision } from './logged-decision.ts'
import { toOcsf } from './ocsf.ts'
import { toParquet } from './parquet.ts'

const DENIED: DecisionRecord = {
  destination: { address: '127.0.0.1:10000', namespace: 'shop', service: 'payments' },
  durationUs: 1_108,
  epoch: 1_795_410_365_491,
  id: '01a206cc-1186-7bfa-a557-9bec4fe99fc5' as DecisionRecord['id'],
  identity: { issuer: 'https://login.example', status: 'verified', subject: 'alice' },
  instance: 'authz-d40fdb79',
  n: 2,
  outcome: 'deny',
  policy: { bundle: 'shop', entrypoint: 'shop/allow', revision: 'abc', rules: ['orders_read'] },
  principal: 'alice',
  protocol: 'envoy-grpc',
  reason: 'not_permitted',
  request: {
    host: 'shop.example',
    id: 'fb228b8a',
    method: 'POST',
    path: '/payments/1/refund',
    traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
  },
  source: { address: '10.0.0.7' },
  status: 403,
  time: '2026-11-23T05:06:06.854Z',
  v: 1,
}
const logged = (changes: Partial<DecisionRecord> = {}): LoggedDecision => ({
  index: 2,
  hash: 'wb3tJAC8EYPsPqiRvDw8cxHgWjCH2-5TNw29-mOAjjw',
  record: { ...DENIED, ...changes },
})

/** The class and its profiles as OCSF publishes them, as a JSON Schema. */
const SCHEMA = new URL('../test/ocsf-api-activity.schema.json', import.meta.url)
const isApiActivity = new Ajv2020({ allErrors: true, strict: false }).compile(
  JSON.parse(readFileSync(SCHEMA, 'utf8')),
)

test('an event of OCSF is an API activity with its authorization and what became of it', () => {
  const event = toOcsf(logged())
  expect(event).toMatchObject({
    class_uid: 6003,
    type_uid: 600301,
    activity_id: 1,
    time: Date.parse(DENIED.time),
    action_id: 2,
    disposition_id: 2,
    status_id: 2,
    actor: {
      authorizations: [{ decision: 'deny', policy: { name: 'shop/allow', version: 'abc' } }],
      user: { uid: 'alice' },
    },
    api: { operation: 'POST /payments/1/refund', service: { name: 'shop/payments' } },
    src_endpoint: { ip: '10.0.0.7' },
    trace: { uid: '4bf92f3577b34da6a3ce929d0e0e4736' },
    metadata: { uid: DENIED.id, sequence: 2, profiles: ['security_control', 'trace'] },
  })
  // What the class and its base require, whatever the record lacks.
  const bare = toOcsf(
    logged({ source: {}, identity: { status: 'anonymous' }, principal: 'anonymous' }),
  )
  for (const required of ['actor', 'api', 'src_endpoint', 'severity_id', 'category_uid']) {
    expect(bare).toHaveProperty(required)
  }
})

test.for([
  ['allow', {}, 1, 1],
  ['unauthenticated', {}, 2, 26],
  ['error', {}, 2, 27],
  ['deny', { enforced: false }, 3, 17],
] as const)(
  'OCSF tells %s (%o) by action %i and disposition %i',
  ([outcome, more, action, what]) => {
    const event = toOcsf(logged({ outcome, ...more }))
    expect(event).toMatchObject({ action_id: action, disposition_id: what })
  },
)

test.for([
  ['with all that there is', {}],
  [
    'of which little is known',
    {
      destination: { service: 'unknown' },
      identity: { status: 'anonymous' },
      policy: {},
      request: { host: '', method: 'PURGE', path: '' },
      source: { address: 'no address' },
    },
  ],
  ['of a fault', { outcome: 'error', status: 503 }],
  ['of a dry run', { enforced: false }],
] as const)('a decision %s is valid by the schema of OCSF', ([, changes]) => {
  const event = JSON.parse(LINE_FORMATS.ocsf(logged(changes)))
  isApiActivity(event)
  expect(isApiActivity.errors ?? []).toEqual([])
})

test('a document of ECS says who, what, where, and that a fault is neither', () => {
  const document = JSON.parse(LINE_FORMATS.ecs(logged()))
  expect(document).toMatchObject({
    '@timestamp': DENIED.time,
    event: { category: ['api'], outcome: 'failure', type: ['access', 'denied'], sequence: 2 },
    http: { request: { method: 'POST' }, response: { status_code: 403 } },
    service: { name: 'payments' },
    user: { id: 'alice', name: 'alice' },
    trace: { id: DENIED.request.traceId },
  })
  const fault = JSON.parse(LINE_FORMATS.ecs(logged({ outcome: 'error' })))
  expect(fault.event).toMatchObject({ outcome: 'unknown', type: ['access', 'error'] })
})

test('a line of CEF stays one line with its fields, whatever a caller sends', () => {
  const evil = 'a=b|c\\d\r\nCEF:0|x|y|1|allow|forged|1|act=allow\u2028\u0007'
  const line = LINE_FORMATS.cef(
    logged({ principal: evil, request: { ...DENIED.request, path: evil } }),
  )
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that there are none is the point
  expect(line).not.toMatch(/[\u0000-\u001f\u2028\u2029]/)
  // Fields begin behind a space, with a key and an equals sign that is not escaped.
  const extension = line.split('|').slice(7).join('|')
  const fields = Object.fromEntries(
    [...extension.matchAll(/(?:^| )(\w+)=((?:\\.|[^=\\])*?)(?= \w+=|$)/g)].map(([, key, text]) => [
      key,
      text?.replace(/\\n/g, '\n').replace(/\\([\\=])/g, '$1'),
    ]),
  )
  expect(line.startsWith('CEF:0|Verdict|Verdict|1|deny|request deny|5|')).toBe(true)
  expect(fields).toMatchObject({
    act: 'deny',
    suser: 'a=b|c\\d\nCEF:0|x|y|1|allow|forged|1|act=allow  ',
    requestMethod: 'POST',
    cn1: '2',
    cn1Label: 'index',
  })
})

test('a CloudEvent has the record as its data, and its caller’s trace', () => {
  const event = JSON.parse(LINE_FORMATS.cloudevents(logged()))
  expect(event).toMatchObject({ specversion: '1.0', id: DENIED.id, subject: 'shop/payments' })
  expect(event.traceparent).toMatch(/^00-4bf92f3577b34da6a3ce929d0e0e4736-[0-9a-f]{16}-01$/)
  expect(event.data).toEqual(DENIED)
  const { request } = DENIED
  const untraced = logged({ request: { ...request, traceId: 'not one' } })
  expect(JSON.parse(LINE_FORMATS.cloudevents(untraced))).not.toHaveProperty('traceparent')
})

test('a Parquet file gives back every decision, also by another reader', async () => {
  const decisions = Array.from({ length: 3_000 }, (_, at) => {
    const { namespace: _none, ...bare } = DENIED.destination
    const destination = at % 2 ? bare : DENIED.destination
    return { ...logged({ n: at + 1, destination }), index: at + 1 }
  })
  const bytes = toParquet(decisions)
  const rows = await parquetReadObjects({ file: bytes.slice().buffer })
  expect(rows).toHaveLength(3_000)
  expect(rows[2_999]).toMatchObject({
    index: 3_000n,
    time: new Date(DENIED.time),
    outcome: 'deny',
    enforced: true,
    status: 403n,
    destination: 'payments',
    n: 3_000n,
  })
  expect(rows.map((row) => JSON.parse(String(row['record'])))).toEqual(
    decisions.map(({ record }) => record),
  )
})

/** Every text that a mask may replace or the key of a subject may seal, each as given. */
function withTexts(text: string): LoggedDecision {
  return logged({
    destination: { ...DENIED.destination, address: text, principal: text },
    erased: ['/request/id'],
    identity: { ...DENIED.identity, issuer: text, subject: text, workload: text },
    masked: ['/request/path'],
    policy: { ...DENIED.policy, input: text },
    principal: text,
    pseudonym: 'psn:2026-11:abc',
    reason: text,
    request: { ...DENIED.request, host: text, id: text, path: text },
    source: { address: text, principal: text },
  })
}

const SEALED = `enc:${'k'.repeat(16)}:${'A_-'.repeat(1_000)}`

test.for([
  ['masked', '[masked]'],
  ['masked by an odd text', 'a|b\\c=d\u0000\n\u{1f600}'],
  ['masked by nothing', ''],
  ['sealed', SEALED],
])('fields that are %s break no format, and pass for no address', async ([, text]) => {
  const decision = withTexts(text ?? '')
  const [ocsf, ecs, event] = (['ocsf', 'ecs', 'cloudevents'] as const).map((format) =>
    JSON.parse(LINE_FORMATS[format](decision)),
  )
  // `ip_t` of OCSF and `ip` of Elasticsearch: what receives them refuses other texts.
  expect(ocsf.src_endpoint).toEqual({ svc_name: text })
  expect(ocsf.unmapped).toMatchObject({ source_address: text, pseudonym: 'psn:2026-11:abc' })
  expect(ecs.source).toEqual({ address: text })
  expect(ecs.verdict).toMatchObject({ masked: ['/request/path'], erased: ['/request/id'] })
  expect(event.data).toEqual(decision.record)
  const cef = LINE_FORMATS.cef(decision)
  expect(cef).not.toMatch(/[\n\r]| src=| c6a2=/)
  expect(cef).toContain(' cs6Label=pseudonym cs6=psn:2026-11:abc')
  const [row] = await parquetReadObjects({ file: toParquet([decision]).slice().buffer })
  expect(row).toMatchObject({ principal: text, pseudonym: 'psn:2026-11:abc' })
  expect(JSON.parse(String(row?.['record']))).toEqual(decision.record)
})

test('an address is one by its family', () => {
  const v6 = logged({ source: { address: '2001:db8::7' } })
  expect(LINE_FORMATS.cef(logged())).toContain(' src=10.0.0.7 ')
  expect(LINE_FORMATS.cef(v6)).toContain('c6a2Label=Source IPv6 Address c6a2=2001:db8::7')
  expect(JSON.parse(LINE_FORMATS.ecs(v6)).source.ip).toBe('2001:db8::7')
})

test('a record with nothing but what the log relies on stops no format', async () => {
  const { epoch, id, instance, n, outcome, principal, time } = DENIED
  const record = {
    ...{ epoch, id, instance, n, outcome, principal, time, v: 1 },
    ...{ destination: { service: 'x' }, request: { path: '/', method: 5, traceId: {} } },
    ...{ status: 'none', durationUs: 1.5, policy: [], masked: 'all', reason: null },
  } as unknown as DecisionRecord
  const decision = { ...logged(), record }
  for (const format of Object.values(LINE_FORMATS)) expect(format(decision)).not.toContain('\n')
  expect(JSON.parse(LINE_FORMATS.ocsf(decision))).toMatchObject({
    ...{ activity_id: 99, activity_name: 'unknown', status_code: '0' },
  })
  const [row] = await parquetReadObjects({ file: toParquet([decision]).slice().buffer })
  expect(row).toMatchObject({ method: 'unknown', status: 0n })
  expect(JSON.parse(String(row?.['record']))).toEqual(record)
})

test('a decision says where it is in the log, and what of it was decrypted', () => {
  const decision = { ...logged(), origin: 'log.example/1', leaf: 7, opened: ['principal'] }
  expect(JSON.parse(LINE_FORMATS.json(decision))).toEqual(decision)
  expect(JSON.parse(LINE_FORMATS.cloudevents(decision))).toMatchObject({
    leaf: 'log.example/1 7',
    opened: 'principal',
  })
  for (const format of [LINE_FORMATS.ecs, LINE_FORMATS.ocsf]) {
    const { unmapped, verdict } = JSON.parse(format(decision))
    expect(unmapped ?? verdict).toMatchObject({ origin: 'log.example/1', leaf: 7 })
  }
})
