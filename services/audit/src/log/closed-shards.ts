import type { ClosedShard } from './closed-shard.ts'
import type { LeafRun } from './log-reader.ts'

/** A shard, and how many leaves of the log are before it. */
export interface Placed {
  readonly first: number
  readonly shard: ClosedShard
}

/** The closed shards of a log, the oldest first. */
export class ClosedShards {
  readonly #row: Placed[] = []
  #size = 0

  constructor(shards: readonly ClosedShard[]) {
    for (const shard of shards) this.add(shard)
  }

  /** How many leaves they have. */
  get size(): number {
    return this.#size
  }

  get all(): readonly Placed[] {
    return this.#row
  }

  get last(): ClosedShard | undefined {
    return this.#row.at(-1)?.shard
  }

  add(shard: ClosedShard): void {
    this.#row.push({ first: this.#size, shard })
    this.#size += shard.size
  }

  named(name: string): ClosedShard | undefined {
    return this.#row.find(({ shard }) => shard.name === name)?.shard
  }

  /** The one that a leaf is in. */
  at(index: number): Placed {
    const found = this.#row.findLast(({ first }) => first <= index)
    if (found) return found
    throw new RangeError(`there is no leaf ${index}`)
  }

  /** Leaves from an index on; those of pruned shards are left out. */
  async *leaves(from: number): AsyncGenerator<LeafRun> {
    for (const { first, shard } of [...this.#row]) {
      if (shard.isPruned || first + shard.size <= from) continue
      yield* shifted(shard.reader.leaves(Math.max(0, from - first)), first)
    }
  }
}

/** The same leaves, counted over the whole log. */
export async function* shifted(runs: AsyncGenerator<LeafRun>, by: number): AsyncGenerator<LeafRun> {
  for await (const run of runs) yield run.map(({ index, leaf }) => ({ index: index + by, leaf }))
}
