import { messageOf } from '@verdict/contract'
import { Counter, Gauge, Histogram, type Logger, type Registry } from '@verdict/service'
import type { Access, AccessQuestion } from './authorization/authorizer.ts'
import { type Finding, FindingKind } from './chain/finding.ts'
import type { Recorded } from './ingest/recorder.ts'
import type { PrunedShard } from './retention/retention.ts'

/** From one fsync of a fast disk to a stalled one, in seconds. */
const RECORD_SECONDS_BUCKETS = [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5]

const PROGRESS = {
  index: 'the index takes in what is in the log',
  migration: 'the records of an older version are brought into the log',
} as const

/** What the gauges ask the store at each scrape. */
export interface StoreFacts {
  readonly lastIndex: number
  readonly bytes: number
  readonly missing: number
  readonly published: { readonly size: number }
  unresolved(): Partial<Record<FindingKind, number>>
}

/** What else they ask. */
export interface ServiceFacts {
  streams(): number
  /** Undefined while nobody knows. */
  pending(): number | undefined
}

export interface Events {
  /** One message is in the log. */
  recorded(recorded: Recorded, took: { seconds: number }): void
  /** A message is not in the log, and will be delivered again. */
  consumeFailed(error: unknown): void
  /** A reader of the stream was cut off, because it did not read. */
  streamCut(reader: { address: string; after: number }): void
  /** A stream ended because the log could not be read. */
  streamFailed(error: unknown): void
  /** The log is open; its readers need the key. */
  opened(log: { origin: string; size: number; verifierKey: string }): void
  /** Work before the store can be used: so many of so many are done. */
  progress(work: 'index' | 'migration', done: number, total: number): void
  /** A checkpoint is shown. */
  published(checkpoint: { size: number; seconds: number }): void
  /** Somebody wanted to read the log, or to change something of it. */
  authorized(access: Access, question: AccessQuestion): void
  /** The entries of a shard are gone: its period of retention is over. */
  pruned(shard: PrunedShard): void
  /** What should be pruned could not be; it is tried again. */
  pruneFailed(error: unknown): void
  /** The gauges begin to follow these facts. */
  follow(store: StoreFacts, service: ServiceFacts): void
}

/** The only place where the audit service counts and logs what happens. */
export function createEvents(log: Logger, metrics: Registry): Events {
  const register = { registers: [metrics] }
  const decisions = new Counter({
    name: 'verdict_audit_decisions_total',
    help: 'Records of decisions that this process has stored in the log.',
    ...register,
  })
  const duplicates = new Counter({
    name: 'verdict_audit_duplicates_total',
    help: 'Records that arrived again and were in the log already.',
    ...register,
  })
  const findings = new Counter({
    name: 'verdict_audit_findings_total',
    help: 'What this process has found wrong with the journals that arrived, by kind.',
    labelNames: ['kind'],
    ...register,
  })
  for (const kind of Object.values(FindingKind)) findings.inc({ kind }, 0)
  const seconds = new Histogram({
    name: 'verdict_audit_record_seconds',
    help: 'Time to verify one message and to have it on disk.',
    buckets: RECORD_SECONDS_BUCKETS,
    ...register,
  })
  const cut = new Counter({
    name: 'verdict_audit_streams_cut_total',
    help: 'Readers of the stream that were cut off, because they did not read.',
    ...register,
  })
  const authorizations = new Counter({
    name: 'verdict_audit_authorizations_total',
    help: 'Decisions on who may read the log; `unavailable` are those that there was none of.',
    labelNames: ['outcome'],
    ...register,
  })
  for (const outcome of ['allowed', 'refused', 'unavailable']) authorizations.inc({ outcome }, 0)
  const checkpoints = new Histogram({
    name: 'verdict_audit_checkpoint_seconds',
    help: 'Time to sign a checkpoint, and to have its tiles and itself on disk.',
    buckets: RECORD_SECONDS_BUCKETS,
    ...register,
  })
  return {
    recorded(recorded, took) {
      seconds.observe(took.seconds)
      decisions.inc(recorded.stored.length)
      duplicates.inc(recorded.known.length)
      for (const finding of recorded.findings) {
        findings.inc({ kind: finding.kind })
        logFinding(log, finding)
      }
      for (const { kind, instance, epoch, from, to } of recorded.resolved) {
        const place = { instance, epoch, from, to }
        log.info({ event: 'finding_resolved', kind, ...place }, 'what was missing has arrived')
      }
    },
    consumeFailed(error) {
      log.error({ event: 'consume_failed', err: error }, messageOf(error))
    },
    streamCut({ address, after }) {
      cut.inc()
      log.warn({ event: 'stream_cut', address, after }, 'a reader of the stream did not read')
    },
    streamFailed(error) {
      log.error({ event: 'stream_failed', err: error }, messageOf(error))
    },
    opened({ origin, size, verifierKey: vkey }) {
      log.info({ event: 'log_opened', origin, size, vkey }, 'the log is open')
    },
    progress(work, done, total) {
      log.info({ event: 'catching_up', work, done, total }, PROGRESS[work])
    },
    published({ seconds: took }) {
      checkpoints.observe(took)
    },
    authorized(access, { address, method }) {
      const isUnavailable = !access.allowed && access.status === 503
      const refused = isUnavailable ? 'unavailable' : 'refused'
      authorizations.inc({ outcome: access.allowed ? 'allowed' : refused })
      if (access.allowed) return
      const { reason, status } = access
      const decision = isUnavailable ? undefined : access.decision
      const said = isUnavailable ? 'nobody could decide who may read' : 'a reader was refused'
      log.warn({ event: 'reading_refused', address, method, status, reason, decision }, said)
    },
    pruned({ shard, leaves, decisions }) {
      log.warn({ event: 'pruned', shard, leaves, decisions }, 'the entries of a shard are gone')
    },
    pruneFailed(error) {
      log.error({ event: 'prune_failed', err: error }, messageOf(error))
    },
    follow(store, service) {
      addGauges(metrics, store, service)
    },
  }
}

function logFinding(log: Logger, finding: Finding): void {
  const { kind, instance, epoch, from, to, seq, detail } = finding
  // A gap may be a batch that overtook another; every other kind can't happen by itself.
  const level = kind === FindingKind.gap ? 'warn' : 'error'
  log[level]({ event: 'finding', kind, instance, epoch, from, to, seq }, detail)
}

function addGauges(metrics: Registry, store: StoreFacts, service: ServiceFacts): void {
  gauge('verdict_audit_log_entries', 'Records in the log.', () => store.lastIndex)
  gauge('verdict_audit_log_bytes', 'Bytes of the log and its index.', () => store.bytes)
  gauge(
    'verdict_audit_checkpoint_leaves',
    'Leaves of the log that its checkpoint covers: decisions, findings and their evidence.',
    () => store.published.size,
  )
  gauge('verdict_audit_missing_records', 'Records known to be missing.', () => store.missing)
  gauge('verdict_audit_streams', 'Readers of the live stream.', () => service.streams())
  gauge('verdict_audit_consumer_pending', 'Messages of the stream not read yet.', () =>
    service.pending(),
  )
  new Gauge({
    name: 'verdict_audit_findings_unresolved',
    help: 'Findings in the log that are not resolved, by kind.',
    labelNames: ['kind'],
    registers: [metrics],
    collect() {
      const unresolved = store.unresolved()
      for (const kind of Object.values(FindingKind)) this.set({ kind }, unresolved[kind] ?? 0)
    },
  })

  function gauge(name: string, help: string, ask: () => number | undefined): void {
    new Gauge({
      name,
      help,
      registers: [metrics],
      collect() {
        this.set(ask() ?? Number.NaN)
      },
    })
  }
}
