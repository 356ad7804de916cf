import {
  DECIDED_HEADERS,
  type Decision,
  type DecisionRecord,
  encodeRecord,
  type JournalEvent,
  newDecisionId,
  subjects,
} from '@verdict/contract'
import { startBus, waitFor } from '@verdict/kit'
import type { Msg } from 'nats'
import { expect, test } from 'vitest'
import { busHealth } from './connection-state.ts'
import { type Decided, publishDecided } from './decided.ts'

const SOON = { deadlineMs: 10_000 }
const TRACE_ID = '0af7651916cd43dd8448eb211c80319c'

const decision: Decision = {
  destination: { namespace: 'shop', service: 'kö ps\r\n%' },
  durationUs: 1,
  id: newDecisionId(),
  identity: { status: 'anonymous' },
  outcome: 'deny',
  policy: {},
  principal: 'anonymous',
  protocol: 'http',
  reason: 'default',
  request: { host: 'orders', method: 'GET', path: '/', traceId: TRACE_ID },
  source: {},
  status: 403,
  time: '2026-01-01T00:00:00.000Z',
}

function decided(record: Decided['record'], index: number): Decided {
  const place = { index, leaf: index + 10, hash: `h${index}`, origin: 'logs.example/audit' }
  return { record, json: JSON.stringify(record), ...place }
}

test('a record is a CloudEvent to who filters by outcome and destination', async () => {
  await using bus = await startBus()
  const json = encodeRecord(decision, { instance: 'authz-1', epoch: 1, n: 1 })
  const record = JSON.parse(json) as DecisionRecord
  const subscriber = await bus.connect('subscriber')
  const heard: Msg[] = []
  for (const subject of ['verdict.decided.deny.shop.*', 'verdict.decided.event.*.*']) {
    subscriber.subscribe(subject, { callback: (_error, message) => void heard.push(message) })
  }
  await subscriber.flush()
  const audit = await bus.connect('audit')
  publishDecided(audit, decided({ ...record, outcome: 'allow' }, 6))
  publishDecided(audit, { ...decided(record, 7), json })
  const { id, time } = decision
  const place = { id, time, instance: 'authz 2', epoch: 1, n: 1, v: 1 } as const
  const event: JournalEvent = { ...place, activation: { revision: 'r1' } }
  publishDecided(audit, decided(event, 8))
  await waitFor(() => heard.length === 2, { ...SOON, what: 'the decision and the event' })
  const [first, second] = heard
  expect(first?.subject).toBe(subjects.decided('deny', decision.destination))
  expect(first?.string()).toBe(json)
  expect(Object.fromEntries(first?.headers ?? [])).toEqual({
    'ce-specversion': ['1.0'],
    'ce-type': ['dev.verdict.decision.v1'],
    'ce-source': ['/verdict/authz/authz-1'],
    'ce-id': [id],
    'ce-time': [time],
    'ce-subject': ['shop/k%C3%B6%20ps%0D%0A%25'],
    'ce-datacontenttype': ['application/json'],
    'content-type': ['application/json'],
    traceparent: [`00-${TRACE_ID}-${id.replaceAll('-', '').slice(16)}-01`],
    [DECIDED_HEADERS.index]: ['7'],
    [DECIDED_HEADERS.hash]: ['h7'],
    [DECIDED_HEADERS.leaf]: ['logs.example/audit 17'],
  })
  expect(second?.subject).toBe('verdict.decided.event.=.activation')
  expect(second?.headers?.get('ce-type')).toBe('dev.verdict.event.v1')
  expect(second?.headers?.get('ce-source')).toBe('/verdict/authz/authz%202')

  // While the connection is down nothing is kept for later, and nothing fails.
  await bus.kill()
  const health = busHealth(audit)
  await waitFor(() => !health().ok, { ...SOON, what: 'the loss to show' })
  const before = audit.stats().outMsgs
  publishDecided(audit, decided(record, 9))
  expect(audit.stats().outMsgs).toBe(before)
}, 60_000)
