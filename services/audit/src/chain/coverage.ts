import type { Covered, JournalPosition } from '@verdict/contract'

/** The journals that are told of; of more, those that were heard of longest ago are forgotten. */
export const COVERED_CHAINS_MAX = 4_096
/** States of one journal that wait for a checkpoint; of more, the last two become one. */
const WAITING_MAX = 256

/** A log at a size. */
export interface LogHead {
  readonly origin: string
  readonly size: number
}

interface Tracked {
  readonly instance: string
  readonly epoch: number
  covered: Covered | undefined
  /** How far the journal was in the log, when that had this size. */
  readonly waiting: { head: LogHead; n: number }[]
}

/**
 * How far each journal is under a checkpoint that readers are shown: what is durable waits here
 * until there is one.
 */
export class Coverage {
  readonly #chains = new Map<string, Tracked>()

  /** The log has become this long, with these journals complete up to these places. */
  staged(head: LogHead, moved: Iterable<JournalPosition>): void {
    for (const { instance, epoch, n } of moved) {
      const { waiting } = this.#tracked(instance, epoch)
      if (waiting.length >= WAITING_MAX) waiting.pop()
      waiting.push({ head, n })
    }
  }

  /** What a checkpoint covers that covers more than the last one; undefined while there is none. */
  shown(checkpoint: LogHead | undefined): Covered[] {
    if (checkpoint === undefined) return []
    const { origin, size } = checkpoint
    const moved: Covered[] = []
    for (const chain of this.#chains.values()) {
      const behind = chain.waiting.findIndex(({ head }) => !isUnder(head, checkpoint))
      const done = chain.waiting.splice(0, behind === -1 ? chain.waiting.length : behind)
      const n = done.at(-1)?.n ?? 0
      // Also 0: a decision point whose first records are lost has to hear of it.
      if (done.length === 0 || n <= (chain.covered?.n ?? -1)) continue
      const { instance, epoch } = chain
      chain.covered = { instance, epoch, n, checkpoint: { origin, size } }
      moved.push(chain.covered)
    }
    return moved
  }

  /** All that was told. */
  all(): Covered[] {
    return [...this.#chains.values()].flatMap(({ covered }) => (covered ? [covered] : []))
  }

  #tracked(instance: string, epoch: number): Tracked {
    const key = `${epoch} ${instance}`
    const chain = this.#chains.get(key) ?? { instance, epoch, covered: undefined, waiting: [] }
    // Behind all others: the first is the one that was heard of longest ago.
    this.#chains.delete(key)
    this.#chains.set(key, chain)
    const [oldest] = this.#chains.keys()
    if (this.#chains.size > COVERED_CHAINS_MAX && oldest !== undefined) this.#chains.delete(oldest)
    return chain
  }
}

/** The first leaf of a shard names the end of the one before, so its checkpoint covers that, too. */
function isUnder(head: LogHead, { origin, size }: LogHead): boolean {
  return head.origin === origin ? head.size <= size : size > 0
}
