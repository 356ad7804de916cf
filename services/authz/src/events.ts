import {
  messageOf,
  type Outcome,
  type Protocol,
  type RecordClass,
  type VerdictError,
} from '@verdict/contract'
import type { Fill, Journal, ShipEvent, Shipper } from '@verdict/journal'
import type { Policy, PolicyError } from '@verdict/policy'
import { Counter, type Logger, type Registry } from '@verdict/service'
import type { AmbiguityFinding } from './canonicalise/ambiguity.ts'
import type { DecideEvents } from './decide.ts'
import type { AuthzError, QuestionEvents } from './errors.ts'
import { DecisionMetrics } from './events/decision-metrics.ts'
import { JournalMetrics } from './events/journal-metrics.ts'
import type { IdentifyEvents } from './identify.ts'
import type { TlsEvents } from './listen/tls.ts'
import type { DecisionRequest } from './request.ts'

/** A fault of one kind is logged at most this often; the metric counts every one. */
const FAULT_LOG_INTERVAL_MS = 5_000

export interface EventsOptions {
  /** The metrics of opa-envoy-plugin beside ours. Default: false. */
  readonly pluginMetrics?: boolean
}

/**
 * All that authz reports of itself, as metrics and log lines. Labels are of low cardinality;
 * what a request was about is in its record, not here.
 */
export class AuthzEvents implements DecideEvents, IdentifyEvents, QuestionEvents, TlsEvents {
  readonly #log: Logger
  readonly #decisions: DecisionMetrics
  readonly #journal: JournalMetrics
  readonly #policies: Counter<'result'>
  readonly #loggedMs = new Map<string, number>()

  constructor(log: Logger, registry: Registry, { pluginMetrics = false }: EventsOptions = {}) {
    this.#log = log
    this.#decisions = new DecisionMetrics(registry, pluginMetrics)
    this.#journal = new JournalMetrics(registry)
    this.#policies = new Counter({
      name: 'verdict_policy_changes_total',
      help: 'Changes of the policies that became active, or were refused.',
      labelNames: ['result'],
      registers: [registry],
    })
  }

  decided(outcome: Outcome, request: DecisionRequest, unreadable: boolean): void {
    this.#decisions.decided(outcome, request, unreadable)
  }

  faulted(fault: AuthzError, request: DecisionRequest): void {
    const { code } = fault
    const { protocol } = request
    this.#decisions.faulted(code, request)
    if (!this.#mayLog(code)) return
    this.#log.error({ event: 'decision_faulted', code, protocol, err: fault }, fault.message)
  }

  ambiguous(finding: AmbiguityFinding): void {
    this.#decisions.ambiguous(finding)
  }

  questionRefused(protocol: Protocol, error: AuthzError): void {
    this.#decisions.refused(protocol)
    if (!this.#mayLog(`refused ${protocol}`)) return
    this.#log.warn({ event: 'question_refused', protocol, code: error.code }, error.message)
  }

  evaluated(remembered: boolean): void {
    this.#decisions.evaluated(remembered)
  }

  identityCacheHit(): void {
    this.#decisions.identityCacheHit()
  }

  identityCacheMiss(): void {
    this.#decisions.identityCacheMiss()
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

  /** A policy asks a host that is not allowed, and gets no answer of it. */
  fetchRefused(host: string): void {
    if (!this.#mayLog('fetch')) return
    const message = `a policy asks \`${host}\`, which is not among VERDICT_AUTHZ_FETCH_HOSTS`
    this.#log.warn({ event: 'fetch_refused', host }, message)
  }

  /** New subjects get keys by the last good file. */
  personalKeysRefused(error: unknown): void {
    if (!this.#mayLog('personal keys')) return
    const message = `the new personal keys were refused, the last good ones stay: ${messageOf(error)}`
    this.#log.error({ event: 'personal_keys_refused' }, message)
  }

  routesActive(routes: number): void {
    this.#log.info({ event: 'routes_active', routes }, 'the routes are in force')
  }

  routesRefused(error: VerdictError): void {
    const message = `the routes were refused, the last good ones stay: ${error.message}`
    this.#log.error({ event: 'routes_refused', code: error.code }, message)
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

  recorded(recordClass: RecordClass): void {
    this.#journal.recorded(recordClass)
  }

  recordDropped(reason: string): void {
    this.#journal.dropped(reason)
    if (!this.#mayLog(`dropped ${reason}`)) return
    const message = 'records of the class best_effort are dropped; a gap record will count them'
    this.#log.error({ event: 'record_dropped', reason }, message)
  }

  journalEventsLost(lost: { readonly records: number; readonly activations: number }): void {
    const message = 'stopped with events that the journal did not take: they are on no record'
    this.#log.error({ event: 'journal_events_lost', ...lost }, message)
  }

  journalFill({ bytes, bytesMax, isNearlyFull }: Fill): void {
    const facts = { bytes, bytesMax }
    if (isNearlyFull) {
      const message = 'the journal is nearly full: see why no checkpoint of the log covers it'
      this.#log.error({ event: 'journal_nearly_full', ...facts }, message)
    } else this.#log.info({ event: 'journal_has_room', ...facts }, 'the journal has room again')
  }

  watchJournal(journal: Journal, shipper: Shipper): void {
    this.#journal.watch(journal, shipper)
  }

  shipping(event: ShipEvent): void {
    if (event.type === 'shipped') {
      this.#journal.shipped(event.lines)
      return
    }
    if (event.type === 'release_failed') {
      if (!this.#mayLog('release')) return
      const message = 'segments that are shipped can not be deleted: see to the disk'
      this.#log.error({ event: 'journal_release_failed', err: event.error }, message)
      return
    }
    if (event.type === 'resent') {
      const { from, to, lines } = event
      this.#journal.resent(lines)
      const message = 'records that were shipped did not reach the log in time, and are sent again'
      this.#log.warn({ event: 'journal_resent', from, to, records: lines }, message)
      return
    }
    if (event.type === 'resend_failed') {
      if (!this.#mayLog('resend')) return
      const message = 'records that the log lacks can not be sent again now; it is tried again'
      this.#log.error({ event: 'journal_resend_failed', err: event.error }, message)
      return
    }
    const { step, attempt, delayMs, error } = event
    this.#journal.retried(step)
    if (!this.#mayLog(`ship ${step}`)) return
    const facts = { event: 'journal_ship_retry', step, attempt, delayMs, err: error }
    this.#log.warn(facts, 'the journal is not shipped; decisions go on until it is full')
  }

  leftJournalShipped(journalInstance: string, records: number): void {
    const message = 'the records of a process that is not configured any more are in the stream'
    this.#log.info({ event: 'left_journal_shipped', journalInstance, records }, message)
  }

  leftJournalFailed(dir: string, error: unknown): void {
    const message = `records in \`${dir}\` are not in the stream: ${messageOf(error)}`
    this.#log.error({ event: 'left_journal_failed', err: error }, message)
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

  #mayLog(what: string): boolean {
    const nowMs = performance.now()
    const lastMs = this.#loggedMs.get(what)
    if (lastMs !== undefined && nowMs - lastMs < FAULT_LOG_INTERVAL_MS) return false
    this.#loggedMs.set(what, nowMs)
    return true
  }
}
