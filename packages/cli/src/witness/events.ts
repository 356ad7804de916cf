import { messageOf } from '@verdict/contract'
import { Counter, Gauge, Registry } from '@verdict/service'
import type { Checkpoint, TlogError } from '@verdict/tlog'
import { printable, type Terminal } from '../terminal.ts'

/** What a witness counts, and what it tells whoever runs it. */
export class WitnessEvents {
  readonly metrics: Registry = new Registry()
  readonly #terminal: Terminal
  readonly #requests = new Counter({
    name: 'verdict_witness_requests_total',
    help: 'Requests to cosign, by the status that they were answered.',
    labelNames: ['status'],
    registers: [this.metrics],
  })
  readonly #forks = new Counter({
    name: 'verdict_witness_forks_total',
    help: 'Requests that proved that a log has signed two trees that contradict each other.',
    labelNames: ['origin'],
    registers: [this.metrics],
  })
  readonly #evidence = new Gauge({
    name: 'verdict_witness_evidence_files',
    help: 'Proofs of contradictions that are kept in the state directory.',
    registers: [this.metrics],
  })
  readonly #size = new Gauge({
    name: 'verdict_witness_cosigned_size',
    help: 'Entries of the last tree that was cosigned.',
    labelNames: ['origin'],
    registers: [this.metrics],
  })
  readonly #time = new Gauge({
    name: 'verdict_witness_cosigned_timestamp_seconds',
    help: 'When a tree of the log was cosigned last, since this process started.',
    labelNames: ['origin'],
    registers: [this.metrics],
  })
  /** Logs whose last request was told, by what it was: each is told when that changes. */
  readonly #told = new Map<string, 'cosigned' | 'refused'>()

  constructor(terminal: Terminal) {
    this.#terminal = terminal
  }

  /** What is there when the witness starts. */
  knows(origins: Iterable<string>, cosigned: readonly Checkpoint[], evidenceFiles: number): void {
    for (const origin of origins) this.#forks.inc({ origin }, 0)
    for (const { origin, size } of cosigned) this.#size.set({ origin }, size)
    this.#evidence.set(evidenceFiles)
  }

  answered(status: number): void {
    this.#requests.inc({ status })
  }

  cosigned({ origin, size }: Checkpoint, seconds: number): void {
    this.#size.set({ origin }, size)
    this.#time.set({ origin }, seconds)
    if (this.#isNews(origin, 'cosigned')) {
      this.#terminal.line(`cosigning ${printable(origin)}, which has ${size} entries`)
    }
  }

  /** The log has signed this, and it does not go on from what was cosigned. */
  refused(origin: string, reason: TlogError): void {
    if (!this.#isNews(origin, 'refused')) return
    const { terminal, what } = { terminal: this.#terminal, what: printable(origin) }
    terminal.error(`${terminal.paint('yellow', 'refused')} ${what}: ${reason.message}`)
  }

  /** @param file where the proof is; undefined where it was kept before, or there are enough */
  forked(origin: string, file: string | undefined, evidenceFiles: number): void {
    this.#forks.inc({ origin })
    this.#evidence.set(evidenceFiles)
    if (file === undefined) return
    const word = this.#terminal.paint('red', 'FORK')
    this.#terminal.error(
      `${word} ${printable(origin)} has signed two trees that contradict each other: ` +
        `the proof is ${file}`,
    )
  }

  /** A request failed by a fault of this process. */
  error({ err }: { readonly err: unknown }): void {
    this.#terminal.error(`${this.#terminal.paint('red', 'fault')} ${messageOf(err)}`)
  }

  #isNews(origin: string, what: 'cosigned' | 'refused'): boolean {
    if (this.#told.get(origin) === what) return false
    this.#told.set(origin, what)
    return true
  }
}
