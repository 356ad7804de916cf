import { type DecisionRecord, messageOf, Outcome } from '@verdict/contract'
import { Counter, Gauge, Histogram, type Logger, type Registry } from '@verdict/service'
import { labelsOf } from './decisions/labels.ts'
import { Series } from './decisions/series.ts'

/** From a decision that was remembered to one that waited for a slow disk, in seconds. */
const DURATION_BUCKETS = [
  0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5,
]
const US_PER_SECOND = 1_000_000

/** Why records are not counted. */
const REFUSALS = ['malformed_batch', 'malformed_record', 'foreign_instance'] as const
export type Refusal = (typeof REFUSALS)[number]

/** The only place where telemetry counts and logs what happens. */
export interface Events {
  decided(record: DecisionRecord): void
  /** A record was delivered or sent again. */
  repeated(): void
  refused(why: Refusal): void
  /** A message is no batch of records. */
  malformed(message: { seq: number; detail: string }): void
  consumeFailed(error: unknown): void
  /** The gauge of what is not read yet begins to follow this. */
  followPending(pending: () => number | undefined): void
}

export function createEvents(log: Logger, metrics: Registry): Events {
  const register = { registers: [metrics] }
  const decisions = decisionMetrics(metrics)
  const repeated = new Counter({
    name: 'verdict_telemetry_duplicates_total',
    help: 'Records that arrived again and were not counted again.',
    ...register,
  })
  const refused = new Counter({
    name: 'verdict_telemetry_refused_total',
    help: 'Messages and records that were not counted, by the reason.',
    labelNames: ['reason'],
    ...register,
  })
  for (const reason of REFUSALS) refused.inc({ reason }, 0)
  return {
    decided: decisions,
    repeated: () => repeated.inc(),
    refused: (reason) => refused.inc({ reason }),
    malformed({ seq, detail }) {
      refused.inc({ reason: 'malformed_batch' })
      log.error({ event: 'malformed_batch', seq }, detail)
    },
    consumeFailed(error) {
      log.error({ event: 'consume_failed', err: error }, messageOf(error))
    },
    followPending(pending) {
      new Gauge({
        name: 'verdict_telemetry_consumer_pending',
        help: 'Messages of the stream not read yet.',
        ...register,
        collect() {
          this.set(pending() ?? Number.NaN)
        },
      })
    },
  }
}

/** Counts one decision. */
function decisionMetrics(metrics: Registry): (record: DecisionRecord) => void {
  const series = new Series()
  const records = new Counter({
    name: 'verdict_decision_records_total',
    help: 'Decisions on the record, by outcome, reason, and who asked for what.',
    labelNames: ['outcome', 'reason', 'source', 'destination'],
    registers: [metrics],
  })
  const unenforced = new Counter({
    name: 'verdict_decisions_unenforced_total',
    help: 'Of the decisions on the record, those of a dry run whose callers were let through.',
    labelNames: ['outcome'],
    registers: [metrics],
  })
  const duration = new Histogram({
    name: 'verdict_decision_duration_seconds',
    help: 'Time from the request to the record of its decision.',
    labelNames: ['outcome'],
    buckets: DURATION_BUCKETS,
    registers: [metrics],
  })
  for (const outcome of Object.values(Outcome)) duration.zero({ outcome })
  return (record) => {
    const { durationUs, outcome } = record
    if (record.enforced === false) unenforced.inc({ outcome })
    records.inc({ outcome, ...series.bound(outcome, labelsOf(record)) })
    duration.observe({ outcome }, durationUs / US_PER_SECOND)
  }
}
