import {
  type ActivationEvent,
  encodeEvent,
  type GapEvent,
  type JournalEventBody,
  newDecisionId,
  VerdictError,
} from '@verdict/contract'
import type { Journal } from '@verdict/journal'

/** How often what the journal did not take is tried again. */
const RETRY_MS = 1_000
/** Activations that wait for the journal; of more, the oldest is given up, and that is told. */
export const ACTIVATIONS_MAX = 256

/** Told of policies that are in force from now on. */
export type Activated = (activation: ActivationEvent['activation']) => void

export interface JournalEventsOptions {
  readonly journal: Pick<Journal, 'append'>
  /** A record was dropped, because the journal did not take it. */
  readonly onDropped: (reason: string) => void
  /** These will be on no record. */
  readonly onLost: (what: { readonly records: number; readonly activations: number }) => void
}

/**
 * What the journal has to say of its decision point: which policies came into force, and how many
 * records it could not keep. It is written as soon as the journal takes it, before what comes then.
 */
export class JournalEvents implements AsyncDisposable {
  readonly #options: JournalEventsOptions
  readonly #gaps = new Map<string, GapEvent['gap']>()
  readonly #activations: ActivationEvent['activation'][] = []
  readonly #writing = new Set<Promise<void>>()
  #timer: NodeJS.Timeout | undefined
  #lostActivations = 0

  constructor(options: JournalEventsOptions) {
    this.#options = options
  }

  /** Policies are in force from now on. */
  activated(activation: ActivationEvent['activation']): void {
    if (this.#activations.length >= ACTIVATIONS_MAX) {
      this.#activations.shift()
      this.#lostActivations += 1
    }
    this.#activations.push(activation)
    this.write()
  }

  /** A decision was answered, and its record could not be kept. */
  dropped(error: unknown): void {
    const reason = error instanceof VerdictError ? error.code : 'internal'
    this.#options.onDropped(reason)
    const until = new Date().toISOString()
    this.#count({ count: 1, reason, since: until, until })
    this.#tryLater()
  }

  /** Writes what waits; what is refused goes on waiting. */
  write(): void {
    if (this.#gaps.size === 0 && this.#activations.length === 0) return
    for (const activation of this.#activations.splice(0)) {
      this.#append({ activation }, () => this.#activations.push(activation))
    }
    const gaps = [...this.#gaps.values()]
    this.#gaps.clear()
    for (const gap of gaps) this.#append({ gap }, () => this.#count(gap))
  }

  /** The last try. End what drops records before, and the journal after. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.write()
    await Promise.all(this.#writing)
    clearTimeout(this.#timer)
    const records = this.#gaps.values().reduce((sum, { count }) => sum + count, 0)
    const activations = this.#activations.length + this.#lostActivations
    if (records + activations > 0) this.#options.onLost({ records, activations })
  }

  #append(body: JournalEventBody, giveBack: () => void): void {
    const event = { id: newDecisionId(), time: new Date().toISOString() }
    const written = this.#options.journal
      .append((position) => encodeEvent(event, body, position))
      .then(
        () => undefined,
        () => {
          giveBack()
          this.#tryLater()
        },
      )
      .finally(() => this.#writing.delete(written))
    this.#writing.add(written)
  }

  /** Those of one reason become one gap. */
  #count(gap: GapEvent['gap']): void {
    const { count, reason, ...known } = this.#gaps.get(gap.reason) ?? { ...gap, count: 0 }
    const [since = gap.since] = [known.since, gap.since].toSorted()
    const until = [known.until, gap.until].toSorted().at(-1) ?? gap.until
    this.#gaps.set(reason, { count: count + gap.count, reason, since, until })
  }

  #tryLater(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      this.write()
    }, RETRY_MS).unref()
  }
}
