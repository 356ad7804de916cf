import type { Part } from './read-tree.ts'

/** What is below a part that takes more keys to reach counts as looked at. */
const PART_DEPTH_MAX = 16
/** A place that may hold more parts: those that have no room in it count as looked at. */
const PARTS_PER_PLACE_MAX = 64

/** Where a value is while a policy is evaluated, with the parts of documents that it can be. */
export class Place {
  readonly parts = new Set<Part>()
  lookedAt: boolean = false
}

/** What is below these keys of a value goes from one place to another. */
interface Move {
  readonly from: Place
  readonly to: Place
  readonly keys: readonly string[]
}

/** All places, and how values go between them. */
export class Places {
  readonly #places: Place[] = []
  readonly #moves: Move[] = []

  add(): Place {
    const place = new Place()
    this.#places.push(place)
    return place
  }

  move(from: Place, to: Place, keys: readonly string[] = []): void {
    this.#moves.push({ from, to, keys })
  }

  /** Moves parts until nothing changes: they only grow in number, and are bounded. */
  settle(): void {
    for (let changed = true; changed; ) {
      changed = false
      for (const move of this.#moves) if (carry(move)) changed = true
    }
    for (const { lookedAt, parts } of this.#places) {
      if (lookedAt) for (const part of parts) part.lookAt()
    }
  }
}

/** Whether anything is new at either end. */
function carry({ from, to, keys }: Move): boolean {
  let changed = false
  for (const part of from.parts) {
    const tooDeep = part.depth + keys.length > PART_DEPTH_MAX
    const moved = tooDeep ? part : part.below(keys)
    if (to.parts.has(moved)) continue
    if (tooDeep || to.parts.size >= PARTS_PER_PLACE_MAX) {
      if (!from.lookedAt) changed = true
      from.lookedAt = true
    } else {
      to.parts.add(moved)
      changed = true
    }
  }
  return changed
}
