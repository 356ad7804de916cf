import type { Identity } from '@verdict/contract'
import { Counter, Histogram, type Logger, type Registry } from '@verdict/service'
import { AuthnError, AuthnErrorCode } from './errors.ts'
import type { KeyListener } from './key-set.ts'

export interface EventsOptions {
  readonly log: Logger
  readonly metrics: Registry
}

/** From a refusal without a signature to one that waits for the keys of an issuer, in seconds. */
const DURATION_BUCKETS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1, 2.5]

/** The log events and the metrics of authn, all of them. */
export class Events {
  readonly #log: Logger
  readonly #identifications: Counter<'status' | 'reason'>
  readonly #duration: Histogram
  readonly #refreshes: Counter<'issuer' | 'outcome'>

  constructor({ log, metrics }: EventsOptions) {
    const registers = [metrics]
    this.#log = log
    this.#identifications = new Counter({
      name: 'verdict_authn_identifications_total',
      help: 'Questions answered, by status (`fault` where there was no identity) and reason.',
      labelNames: ['status', 'reason'],
      registers,
    })
    this.#duration = new Histogram({
      name: 'verdict_authn_identify_duration_seconds',
      help: 'The time from a question to its answer.',
      buckets: DURATION_BUCKETS,
      registers,
    })
    this.#refreshes = new Counter({
      name: 'verdict_authn_jwks_refreshes_total',
      help: 'Readings of the keys of an issuer, by outcome (ok, failed).',
      labelNames: ['issuer', 'outcome'],
      registers,
    })
  }

  issuersLoaded(issuers: readonly string[]): void {
    const message =
      issuers.length === 0
        ? 'no issuer is configured: tokens are not judged'
        : `tokens of ${issuers.length} issuers are accepted`
    this.#log.info({ event: 'issuers_loaded', issuers }, message)
  }

  identified({ status, reason }: Identity, durationMs: number): void {
    this.#identifications.inc({ status, reason: reason ?? '' })
    this.#duration.observe(durationMs / 1000)
  }

  /** Keys that can't be had are logged when they are fetched, not at each question. */
  faulted(error: unknown, durationMs: number): void {
    const code = error instanceof AuthnError ? error.code : AuthnErrorCode.internal
    this.#identifications.inc({ status: 'fault', reason: code })
    this.#duration.observe(durationMs / 1000)
    if (code === AuthnErrorCode.keysUnavailable) return
    this.#log.error({ event: 'identify_failed', err: error }, 'a question was not answered')
  }

  /** The bus could not take a question or carry an answer. */
  servingFailed(error: unknown): void {
    this.#log.warn({ event: 'serving_failed', err: error }, 'a question was lost')
  }

  keysOf(issuer: string): KeyListener {
    return {
      onRefreshed: (keys) => {
        this.#refreshes.inc({ issuer, outcome: 'ok' })
        this.#log.info({ event: 'keys_refreshed', issuer, keys }, `read ${keys} keys`)
      },
      onRefreshFailed: (error) => {
        this.#refreshes.inc({ issuer, outcome: 'failed' })
        this.#log.warn({ event: 'keys_refresh_failed', issuer, err: error }, error.message)
      },
    }
  }
}
