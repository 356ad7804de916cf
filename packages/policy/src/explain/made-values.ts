import type { Value } from '../value/value.ts'
import type { Origin } from './origin.ts'

/** Where what collections hold comes from, for those that a policy makes. */
export class MadeValues {
  readonly #members = new WeakMap<object, Map<Value, Origin>>()
  readonly #feeds = new WeakMap<object, readonly Origin[]>()

  /** That a collection has something at a key, or as a member. */
  holds(made: Value | undefined, key: Value | undefined, origin: Origin | undefined): void {
    if (!isCollection(made) || key === undefined || origin === undefined) return
    const members = this.#members.get(made) ?? new Map<Value, Origin>()
    this.#members.set(made, members.set(key, origin))
  }

  memberOrigin(made: Value | undefined, key: Value): Origin | undefined {
    return isCollection(made) ? this.#members.get(made)?.get(key) : undefined
  }

  /** That a collection was made by going through these, of which it may have nothing. */
  fed(made: Value | undefined, feeds: readonly Origin[]): void {
    if (isCollection(made) && !this.#feeds.has(made)) this.#feeds.set(made, feeds)
  }

  feedsOf(made: Value | undefined): readonly Origin[] | undefined {
    return isCollection(made) ? this.#feeds.get(made) : undefined
  }
}

export function isCollection(value: Value | undefined): value is Value & object {
  return typeof value === 'object' && value !== null
}
