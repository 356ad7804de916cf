import { messageOf, type Outcome, Protocol } from '@verdict/contract'
import type { Journal, ShipEvent, Shipper } from '@verdict/journal'
import type { Policy, PolicyError } from '@verdict/policy'
import { Counter, Gauge, Histogram, type Logger, type Registry } from '@verdict/service'
import type { AmbiguityFinding } from './canonicalise/ambiguity.ts'
import type { DecideEvents } from './decide.ts'
import type { AuthzError, QuestionEvents } from './errors.ts'
import type { IdentifyEvents } from './identify.ts'
import type { TlsEvents } from './listen/tls.ts'
import type { DecisionRequest } from './request.ts'

/** From a decision with everything at hand to one that waits for authn and a slow disk. */
const DURATION_BUCKETS_S = [
  0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5,
]
/** A fault of one kind is logged at most this often; the metric counts every one. */
const FAULT_LOG_INTERVAL_MS = 5_000

/**
 * All that authz reports of itself, as metrics and log lines. Labels are of low cardinality;
 * what a request was about is in its record, not here.
 */
export class AuthzEvents implements DecideEvents, IdentifyEvents, QuestionEvents, TlsEvents {
  readonly #log: Logger
  readonly #registry: Registry
  readonly #decisions: Counter<'outcome' | 'protocol'>
  readonly #durations: ReadonlyMap<Protocol, Observer>
  readonly #faults: Counter<'code' | 'protocol'>
  readonly #refused: Counter<'protocol'>
  readonly #identities: Counter<'result'>
  readonly #ambiguities: Counter<'kind' | 'answer'>
  readonly #policies: Counter<'result'>
  readonly #shipped: Counter
  readonly #retries: Counter<'step'>
  readonly #loggedMs = new Map<string, number>()

  constructor(log: Logger, registry: Registry) {
    this.#log = log
    this.#registry = registry
    this.#decisions = this.#counter('verdict_decisions_total', 'Decisions that are on record.', [
      'outcome',
      'protocol',
    ])
    const duration = new Histogram({
      name: 'verdict_decision_duration_seconds',
      help: 'From the last byte of a request to its durable record.',
      labelNames: ['protocol'],
      buckets: DURATION_BUCKETS_S,
      registers: [registry],
    })
    const protocols = Object.values(Protocol)
    this.#durations = new Map(protocols.map((protocol) => [protocol, duration.labels(protocol)]))
    const faults = 'Questions without a decision, because of a fault.'
    this.#faults = this.#counter('verdict_decision_faults_total', faults, ['code', 'protocol'])
    const refused = 'Questions that were no question: malformed or contradictory.'
    this.#refused = this.#counter('verdict_questions_refused_total', refused, ['protocol'])
    const ambiguities = 'Kinds of ambiguity that requests had and that were not allowed.'
    this.#ambiguities = this.#counter('verdict_ambiguities_total', ambiguities, ['kind', 'answer'])
    const identities = 'Identities that were asked for; a hit needed no message to authn.'
    this.#identities = this.#counter('verdict_identity_cache_total', identities, ['result'])
    const policies = 'Changes of the policies that became active, or were refused.'
    this.#policies = this.#counter('verdict_policy_changes_total', policies, ['result'])
    this.#shipped = this.#counter('verdict_journal_shipped_total', 'Records in the stream.', [])
    const retries = 'Steps of shipping the journal that failed and are tried again.'
    this.#retries = this.#counter('verdict_journal_ship_retries_total', retries, ['step'])
  }

  decided(outcome: Outcome, { protocol, receivedMs }: DecisionRequest): void {
    this.#decisions.inc({ outcome, protocol })
    this.#durations.get(protocol)?.observe((performance.now() - receivedMs) / 1_000)
  }

  faulted(fault: AuthzError, { protocol }: DecisionRequest): void {
    const { code } = fault
    this.#faults.inc({ code, protocol })
    if (!this.#mayLog(code)) return
    this.#log.error({ event: 'decision_faulted', code, protocol, err: fault }, fault.message)
  }

  ambiguous({ refused, flagged }: AmbiguityFinding): void {
    if (refused !== undefined) this.#ambiguities.inc({ kind: refused, answer: 'refused' })
    for (const kind of flagged) this.#ambiguities.inc({ kind, answer: 'flagged' })
  }

  questionRefused(protocol: Protocol, error: AuthzError): void {
    this.#refused.inc({ protocol })
    if (!this.#mayLog(`refused ${protocol}`)) return
    this.#log.warn({ event: 'question_refused', protocol, code: error.code }, error.message)
  }

  identityCacheHit(): void {
    this.#identities.inc(HIT)
  }

  identityCacheMiss(): void {
    this.#identities.inc(MISS)
  }

  policyActive({ revision, entrypoints }: Policy): void {
    this.#policies.inc({ result: 'active' })
    this.#log.info({ event: 'policy_active', revision, entrypoints }, 'a policy is active')
  }

  policyRefused(error: PolicyError): void {
    this.#policies.inc({ result: 'refused' })
    const message = `the policies were refused, the last good ones stay: ${error.message}`
    this.#log.error({ event: 'policy_refused', code: error.code }, message)
  }

  certificateActive(notAfter: string): void {
    this.#log.info({ event: 'certificate_active', notAfter }, 'a TLS certificate is active')
  }

  certificateRefused(error: unknown): void {
    const message = `the new TLS files were refused, the last good ones stay: ${messageOf(error)}`
    this.#log.error({ event: 'certificate_refused' }, message)
  }

  journalOpened({ instance, epoch, lastDurable, recovery }: Journal): void {
    const { lines, tornBytes } = recovery
    const facts = { journalInstance: instance, epoch, n: lastDurable, lines, tornBytes }
    this.#log.info({ event: 'journal_opened', ...facts }, 'the journal is open')
  }

  /** Figures that are read when somebody asks for the metrics. */
  watchJournal(journal: Journal, shipper: Shipper): void {
    this.#gauge('verdict_journal_bytes', 'What the journal holds.', () => journal.bytes)
    const commits = 'Syncs that made records durable, since the start.'
    this.#gauge('verdict_journal_commits', commits, () => journal.stats().commits)
    const records = 'Records that were made durable, since the start.'
    this.#gauge('verdict_journal_records', records, () => journal.stats().records)
    this.#gauge('verdict_journal_unshipped', 'Records that the stream does not have.', () => {
      const { durable, shipped } = shipper.position()
      return durable - shipped
    })
  }

  shipping(event: ShipEvent): void {
    if (event.type === 'shipped') {
      this.#shipped.inc(event.lines)
      return
    }
    if (event.type === 'release_failed') {
      if (!this.#mayLog('release')) return
      const message = 'segments that are shipped can not be deleted: see to the disk'
      this.#log.error({ event: 'journal_release_failed', err: event.error }, message)
      return
    }
    const { step, attempt, delayMs, error } = event
    this.#retries.inc({ step })
    if (!this.#mayLog(`ship ${step}`)) return
    const facts = { event: 'journal_ship_retry', step, attempt, delayMs, err: error }
    this.#log.warn(facts, 'the journal is not shipped; decisions go on until it is full')
  }

  journalUndrained({ durable, shipped }: ReturnType<Shipper['position']>): void {
    const unshipped = durable - shipped
    const message = 'stopped with records that are not in the stream; the next start ships them'
    this.#log.warn({ event: 'journal_undrained', unshipped }, message)
  }

  busRetry(connection: string, error: unknown): void {
    if (!this.#mayLog(`bus ${connection}`)) return
    const message = `no connection \`${connection}\` to the bus yet, trying on: ${messageOf(error)}`
    this.#log.warn({ event: 'bus_retry', connection }, message)
  }

  busError(connection: string, error: unknown): void {
    if (!this.#mayLog(`bus error ${connection}`)) return
    this.#log.error({ event: 'bus_error', connection, err: error }, 'the bus reports an error')
  }

  /** A fault of a server of ours that no request was told of. */
  serverFault(server: string, error: unknown): void {
    if (!this.#mayLog(`server ${server}`)) return
    this.#log.error({ event: 'server_fault', server, err: error }, `the ${server} server failed`)
  }

  #counter<Label extends string>(
    name: string,
    help: string,
    labelNames: readonly Label[],
  ): Counter<Label> {
    return new Counter({ name, help, labelNames, registers: [this.#registry] })
  }

  #gauge(name: string, help: string, read: () => number): void {
    new Gauge({
      name,
      help,
      registers: [this.#registry],
      collect() {
        this.set(read())
      },
    })
  }

  #mayLog(what: string): boolean {
    const nowMs = performance.now()
    const lastMs = this.#loggedMs.get(what)
    if (lastMs !== undefined && nowMs - lastMs < FAULT_LOG_INTERVAL_MS) return false
    this.#loggedMs.set(what, nowMs)
    return true
  }
}

interface Observer {
  observe(value: number): void
}

const HIT = { result: 'hit' } as const
const MISS = { result: 'miss' } as const
