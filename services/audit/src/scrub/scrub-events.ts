import { LogContradiction, messageOf, type VerdictError } from '@verdict/contract'
import { Counter, Gauge, type Logger, type Registry } from '@verdict/service'
import type { Damage } from './damage.ts'

/** What the scrubber finds, counted and logged. */
export class ScrubEvents {
  readonly #log: Logger
  readonly #leaves: Counter
  readonly #position: Gauge
  readonly #roundEnd: Gauge
  readonly #contradictions: Counter<'of'>

  constructor(log: Logger, metrics: Registry) {
    this.#log = log
    const registers = [metrics]
    this.#leaves = new Counter({
      name: 'verdict_audit_scrub_leaves_total',
      help: 'Leaves of the log that were read again and verified.',
      registers,
    })
    this.#position = new Gauge({
      name: 'verdict_audit_scrub_position',
      help: 'Leaves of the log that this round of the scrubber has verified.',
      registers,
    })
    this.#roundEnd = new Gauge({
      name: 'verdict_audit_scrub_round_end_seconds',
      help: 'When the scrubber had last verified the whole log, in seconds since 1970; 0: not yet.',
      registers,
    })
    this.#contradictions = new Counter({
      name: 'verdict_audit_scrub_contradictions_total',
      help: 'What the scrubber has found: files that are not what was signed, or records.',
      labelNames: ['of'],
      registers,
    })
    for (const kind of ['files', 'records']) this.#contradictions.inc({ of: kind }, 0)
  }

  scrubbed(leaves: number, position: number): void {
    this.#leaves.inc(leaves)
    this.#position.set(position)
  }

  roundEnded(leaves: number): void {
    this.#roundEnd.set(Date.now() / 1000)
    this.#log.debug({ event: 'scrub_round', leaves }, 'the whole log is verified')
  }

  damaged(damage: Damage): void {
    this.#contradictions.inc({ of: 'files' })
    const { what, ...place } = damage
    this.#log.error({ event: 'log_damaged', ...place }, `the log is damaged: ${what}`)
  }

  mended({ what: _, ...place }: Damage): void {
    this.#log.info({ event: 'log_mended', ...place }, 'the log is whole again')
  }

  contradicted(error: VerdictError): void {
    this.#contradictions.inc({ of: 'records' })
    const place = error instanceof LogContradiction ? { from: error.from, to: error.to } : {}
    this.#log.error({ event: 'log_contradiction', code: error.code, ...place }, error.message)
  }

  failed(error: unknown): void {
    this.#log.error({ event: 'scrub_failed', err: error }, messageOf(error))
  }
}
