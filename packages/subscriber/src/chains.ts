import { type MissingRecords, SubscriberError, SubscriberErrorCode } from './errors.ts'
import type { ChainState } from './state.ts'

/** Epochs of decision points that are followed; of more, those that were silent longest go. */
const CHAINS_MAX = 4_096
/** Runs of records that did not come, of all chains; one more is told at once. */
const GAPS_MAX = 1_024

/** What a record is to those that came before it. */
export type Arrival = 'next' | 'late' | 'repeated'

interface Gap {
  readonly from: number
  readonly to: number
  readonly since: number
}

interface Chain {
  readonly instance: string
  readonly epoch: number
  next: number
  readonly gaps: Gap[]
}

/**
 * Follows the numbers of the records of each decision point, which have no holes: a decision point
 * counts all that it records, and the log says so in the leaf. A hole is told only after a while,
 * because events may overtake others when audit or the subscriber was ended.
 */
export class Chains {
  readonly #chains = new Map<string, Chain>()
  readonly #patienceMs: number
  readonly #now: () => number

  constructor(
    saved: readonly ChainState[],
    { patienceMs, now = () => performance.now() }: { patienceMs: number; now?: () => number },
  ) {
    this.#patienceMs = patienceMs
    this.#now = now
    for (const { gaps, ...chain } of saved) {
      const since = now()
      const open = gaps.map(([from, to]) => ({ from, to, since }))
      this.#chains.set(keyOf(chain), { ...chain, gaps: open })
    }
  }

  /** The same, to be changed or given up. */
  copy(): Chains {
    const copy = new Chains([], { patienceMs: this.#patienceMs, now: this.#now })
    for (const [key, { gaps, ...chain }] of this.#chains) {
      copy.#chains.set(key, { ...chain, gaps: [...gaps] })
    }
    return copy
  }

  /** Takes a record that was verified. */
  take(place: { instance: string; epoch: number; n: number }): Arrival {
    const { n } = place
    const chain = this.#chainOf(place)
    if (n < chain.next) return fill(chain, n) ? 'late' : 'repeated'
    if (n > chain.next) chain.gaps.push({ from: chain.next, to: n - 1, since: this.#now() })
    chain.next = n + 1
    return 'next'
  }

  /** The first records that did not come in time; they are waited for no longer. */
  overdue(): SubscriberError | undefined {
    const all = [...this.#chains.values()].flatMap(({ gaps }) => gaps)
    const tooMany = all.length > GAPS_MAX
    for (const chain of this.#chains.values()) {
      const late = chain.gaps.findIndex(
        ({ since }) => tooMany || this.#now() - since > this.#patienceMs,
      )
      const [gap] = late < 0 ? [] : chain.gaps.splice(late, 1)
      if (gap) return missingError({ ...chain, ...gap })
    }
    return undefined
  }

  get state(): ChainState[] {
    return [...this.#chains.values()].map(({ gaps, ...chain }) => ({
      ...chain,
      gaps: gaps.map(({ from, to }) => [from, to] as const),
    }))
  }

  /** The place for a chain; a new epoch begins with 1, a new decision point anywhere. */
  #chainOf({ instance, epoch, n }: { instance: string; epoch: number; n: number }): Chain {
    const key = keyOf({ instance, epoch })
    const next = (): number => (this.#hasEarlier(instance, epoch) ? 1 : n)
    const chain = this.#chains.get(key) ?? { instance, epoch, next: next(), gaps: [] }
    this.#chains.delete(key)
    this.#chains.set(key, chain)
    if (this.#chains.size > CHAINS_MAX) {
      for (const oldest of this.#chains.keys()) {
        this.#chains.delete(oldest)
        break
      }
    }
    return chain
  }

  #hasEarlier(instance: string, epoch: number): boolean {
    return [...this.#chains.values()].some(
      (chain) => chain.instance === instance && chain.epoch < epoch,
    )
  }
}

/** Whether a record was missing until now. */
function fill(chain: Chain, n: number): boolean {
  const at = chain.gaps.findIndex(({ from, to }) => from <= n && n <= to)
  const gap = chain.gaps[at]
  if (!gap) return false
  const { from, to, since } = gap
  const left = [
    { from, to: n - 1, since },
    { from: n + 1, to, since },
  ].filter((part) => part.from <= part.to)
  chain.gaps.splice(at, 1, ...left)
  return true
}

function keyOf({ instance, epoch }: { instance: string; epoch: number }): string {
  return `${epoch} ${instance}`
}

function missingError({ instance, epoch, from, to }: MissingRecords): SubscriberError {
  const which = from === to ? `record ${from}` : `records ${from} to ${to}`
  const message =
    `${which} of \`${instance}\` (epoch ${epoch}) did not come: read them from the log, ` +
    'whose findings say whether it lacks them, too'
  const missing = { instance, epoch, from, to }
  return new SubscriberError(SubscriberErrorCode.eventMissing, message, { missing })
}
