import { subjects } from '@verdict/contract'
import { batchOf, TestJournal } from '@verdict/kit'
import { createLog, createMetrics } from '@verdict/service'
import { expect, test } from 'vitest'
import { createEvents } from '../events.ts'
import { Intake } from './intake.ts'
import { LABEL_VALUES_MAX } from './series.ts'

function intakeOf() {
  const metrics = createMetrics('telemetry')
  const log = createLog({ service: 'telemetry', instance: 'telemetry-test', level: 'silent' })
  return { intake: new Intake(createEvents(log, metrics)), text: () => metrics.metrics() }
}

const records = (labels: string, count: number): string =>
  `verdict_decision_records_total{${labels}} ${count}\n`

test('decisions are counted by outcome, reason, source and destination', async () => {
  const { intake, text } = intakeOf()
  const journal = new TestJournal('pdp')
  journal.append({ workload: 'spiffe://cluster.local/ns/shop/sa/web' })
  journal.append({ workload: 'spiffe://cluster.local/ns/shop/sa/web' })
  journal.append({ workload: 'spiffe://cluster.local/batch/nightly' })
  journal.append({ outcome: 'deny', reason: 'no_rule', destination: { service: 'catalog' } })
  intake.take(journal.message(journal.lines))
  const metrics = await text()
  const allowed = 'outcome="allow",reason="allowed"'
  const orders = 'destination="shop/orders"'
  expect(metrics).toContain(records(`${allowed},source="shop/web",${orders}`, 2))
  const nightly = 'source="spiffe://cluster.local/batch/nightly"'
  expect(metrics).toContain(records(`${allowed},${nightly},${orders}`, 1))
  const denied = 'outcome="deny",reason="no_rule",source="-",destination="catalog"'
  expect(metrics).toContain(records(denied, 1))
})

test('decisions of a dry run are counted by what they would have been', async () => {
  const { intake, text } = intakeOf()
  const journal = new TestJournal('pdp')
  journal.append({ outcome: 'deny', enforced: false })
  journal.append({ outcome: 'deny' })
  intake.take(journal.message(journal.lines))
  const metrics = await text()
  expect(metrics).toContain('verdict_decisions_unenforced_total{outcome="deny"} 1\n')
  expect(metrics).toContain('verdict_decision_duration_seconds_count{outcome="deny"} 2\n')
})

test('durations are observed by outcome, in seconds', async () => {
  const { intake, text } = intakeOf()
  const journal = new TestJournal('pdp')
  journal.append({ durationUs: 90 })
  journal.append({ durationUs: 1_900 })
  intake.take(journal.message(journal.lines))
  const metrics = await text()
  const bucket = 'verdict_decision_duration_seconds_bucket'
  expect(metrics).toContain(`${bucket}{le="0.0001",outcome="allow"} 1\n`)
  expect(metrics).toContain(`${bucket}{le="0.0025",outcome="allow"} 2\n`)
  expect(metrics).toContain('verdict_decision_duration_seconds_sum{outcome="allow"} 0.00199\n')
  expect(metrics).toContain('verdict_decision_duration_seconds_count{outcome="deny"} 0\n')
})

test('a record that comes again is counted once', async () => {
  const { intake, text } = intakeOf()
  const journal = new TestJournal('pdp')
  const lines = journal.appendAll(5)
  intake.take(journal.message(lines.slice(2)))
  intake.take(journal.message(lines))
  intake.take(journal.message(lines))
  const metrics = await text()
  expect(metrics).toContain('verdict_decision_duration_seconds_count{outcome="allow"} 5\n')
  expect(metrics).toContain('verdict_telemetry_duplicates_total 8\n')
})

test('what is malformed or foreign is refused and counted, and what is good goes on', async () => {
  const { intake, text } = intakeOf()
  const journal = new TestJournal('pdp')
  const [first, second, third] = journal.appendAll(3) as [never, never, never]
  intake.take({ data: Buffer.from('garbage'), subject: journal.subject, seq: 1 })
  intake.take({ data: batchOf([first]), subject: subjects.journal('other'), seq: 2 })
  const bad = Buffer.from(batchOf([second]))
    .toString()
    .replace('"reason":"allowed",', '')
  const data = Buffer.concat([Buffer.from(bad), batchOf([third])])
  intake.take({ data, subject: journal.subject, seq: 3 })
  const metrics = await text()
  for (const reason of ['malformed_batch', 'foreign_instance', 'malformed_record']) {
    expect(metrics).toContain(`verdict_telemetry_refused_total{reason="${reason}"} 1\n`)
  }
  expect(metrics).toContain('verdict_decision_duration_seconds_count{outcome="allow"} 1\n')
})

test('callers can not make more time series than there is room for', async () => {
  const { intake, text } = intakeOf()
  const journal = new TestJournal('pdp')
  const beyond = 40
  for (let at = 0; at < LABEL_VALUES_MAX + beyond; at++) {
    journal.append({ destination: { service: `host-${at}` } })
  }
  intake.take(journal.message(journal.lines))
  const metrics = await text()
  const series = metrics.split('\n').filter((l) => l.startsWith('verdict_decision_records_total{'))
  expect(series).toHaveLength(LABEL_VALUES_MAX + 1)
  const labels = 'outcome="allow",reason="allowed",source="-",destination="other"'
  expect(metrics).toContain(records(labels, beyond))
})
