import {
  DECIDED_HEADERS,
  type Decision,
  type DecisionRecord,
  encodeRecord,
  newDecisionId,
  subjects,
} from '@verdict/contract'
import { startBus, waitFor } from '@verdict/kit'
import type { Msg } from 'nats'
import { expect, test } from 'vitest'
import { busHealth } from './connection-state.ts'
import { publishDecided } from './decided.ts'

const SOON = { deadlineMs: 10_000 }

const decision: Decision = {
  destination: { namespace: 'shop', service: 'orders' },
  durationUs: 1,
  id: newDecisionId(),
  identity: { status: 'anonymous' },
  outcome: 'deny',
  policy: {},
  principal: 'anonymous',
  protocol: 'http',
  reason: 'default',
  request: { host: 'orders', method: 'GET', path: '/' },
  source: {},
  status: 403,
  time: '2026-01-01T00:00:00.000Z',
}

test('a decision reaches who filters by outcome and destination', { timeout: 60_000 }, async () => {
  await using bus = await startBus()
  const json = encodeRecord(decision, { instance: 'authz-1', epoch: 1, n: 1 })
  const record = JSON.parse(json) as DecisionRecord
  const subscriber = await bus.connect('subscriber')
  const heard: Msg[] = []
  subscriber.subscribe('verdict.decided.deny.shop.*', {
    callback: (_error, message) => void heard.push(message),
  })
  await subscriber.flush()
  const audit = await bus.connect('audit')
  publishDecided(audit, { record: { ...record, outcome: 'allow' }, index: 6, hash: 'h6', json })
  publishDecided(audit, { record, index: 7, hash: 'h7', json })
  await waitFor(() => heard.length > 0, { ...SOON, what: 'the decision' })
  expect(heard).toMatchObject([{ subject: subjects.decided('deny', decision.destination) }])
  expect(heard[0]?.string()).toBe(json)
  expect(heard[0]?.headers?.get(DECIDED_HEADERS.index)).toBe('7')
  expect(heard[0]?.headers?.get(DECIDED_HEADERS.hash)).toBe('h7')

  // While the connection is down nothing is kept for later, and nothing fails.
  await bus.kill()
  const health = busHealth(audit)
  await waitFor(() => !health().ok, { ...SOON, what: 'the loss to show' })
  const before = audit.stats().outMsgs
  publishDecided(audit, { record, index: 8, hash: 'h8', json })
  expect(audit.stats().outMsgs).toBe(before)
})
