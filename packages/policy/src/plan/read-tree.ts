/**
 * Which parts of a document are read: all of it, or those below these keys. No other key of such
 * an object makes a difference, whatever the document is.
 */
export type ReadTree = 'all' | ReadonlyMap<string, ReadTree>

/** A part of a document, found by looking up keys one after the other. */
export class Part {
  /** Keys that lead here. */
  readonly depth: number
  readonly #children = new Map<string, Part>()
  #whole: boolean = false

  constructor(depth = 0) {
    this.depth = depth
  }

  /** The part below these keys: that it is looked up is then known. */
  below([key, ...rest]: readonly string[]): Part {
    if (key === undefined) return this
    let child = this.#children.get(key)
    if (child === undefined) {
      child = new Part(this.depth + 1)
      this.#children.set(key, child)
    }
    return child.below(rest)
  }

  /** Says that the value is looked at, and not only what is below some of its keys. */
  lookAt(): void {
    this.#whole = true
  }

  /** A part that is looked up, and nothing below it, counts as looked at. */
  tree(): ReadTree {
    if (this.#whole || (this.depth > 0 && this.#children.size === 0)) return 'all'
    return new Map([...this.#children].map(([key, child]) => [key, child.tree()]))
  }
}
