import type { DecisionRecord } from '@verdict/contract'
import { expect, test } from 'vitest'
import { capture } from '../../test/captured.ts'
import { decisionLine } from './decision-line.ts'

const RECORD = {
  id: '01a20569-0e1b-77ce-a7bf-ac02d112586a',
  time: '2026-01-31T12:00:05.007Z',
  outcome: 'deny',
  status: 403,
  principal: 'alice',
  destination: { namespace: 'shop', service: 'payments' },
  request: { method: 'POST', path: '/payments/1/refund', host: 'shop.example' },
  policy: {},
  reason: 'not_permitted',
  durationUs: 1234,
} as DecisionRecord

test('a decision is one line: when, how, who to whom, what, why', () => {
  const { terminal } = capture()
  expect(decisionLine(RECORD, terminal)).toMatch(
    new RegExp(
      String.raw`^\d\d:\d\d:05\.007  deny +403  alice → shop/payments  ` +
        String.raw`POST /payments/1/refund  not_permitted  1\.2 ms ${RECORD.id}$`,
    ),
  )
})

test('the rules that held are told behind the reason, by their labels', () => {
  const { terminal } = capture()
  const policy = { rules: ['orders_read', 'evil\x1b[0m'] }
  expect(decisionLine({ ...RECORD, policy }, terminal)).toContain(
    'not_permitted  [orders_read, evil\\u{1b}[0m]  1.2 ms',
  )
})

test('a decision that was not enforced says so', () => {
  const { terminal } = capture()
  expect(decisionLine({ ...RECORD, enforced: false }, terminal)).toMatch(/ {2}not enforced$/)
})

test('outcomes have colours on a terminal', () => {
  const { terminal } = capture({ tty: true })
  expect(decisionLine(RECORD, terminal)).toContain('\x1b[31mdeny')
  expect(decisionLine({ ...RECORD, outcome: 'allow' }, terminal)).toContain('\x1b[32mallow')
})

test('what a caller put into its request cannot steer the terminal', () => {
  const { terminal } = capture()
  const hostile = { ...RECORD, principal: 'mallory\x1b]0;owned\x07' } as DecisionRecord
  expect(decisionLine(hostile, terminal)).toContain('mallory\\u{1b}]0;owned\\u{7} → shop')
})
