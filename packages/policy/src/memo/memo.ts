/** All that is remembered fits into this; what was used longest ago makes room. */
export const DEFAULT_MEMO_BYTES_MAX = 32 * 1024 ** 2
/** A longer question or answer is not remembered: few are asked again, and each takes much room. */
const ENTRY_BYTES_MAX = 16 * 1024
/** What an entry takes beside its texts, about. */
const ENTRY_OVERHEAD_BYTES = 256
/** What an entry takes for each label, which it shares with all others. */
const LABEL_BYTES = 8

/** What was decided. */
export interface Remembered {
  readonly value: unknown
  /** What it cost to find out, in units. */
  readonly spent: number
  /** The labels of the rules that held: their texts are the policy's, whatever remembers them. */
  readonly labels: readonly string[]
}

interface Entry extends Remembered {
  readonly bytes: number
  /** On the clock of `Date.now()`. */
  readonly untilMs: number
}

/**
 * Answers by the text of what a policy reads of its input. Sound only for policies whose answer
 * depends on nothing else, and only until their data change: then `clear` it.
 */
export class Memo {
  readonly #bytesMax: number
  readonly #now: () => number
  /** Least recently used first. */
  readonly #entries = new Map<string, Entry>()
  #bytes = 0

  constructor(bytesMax: number, now: () => number = Date.now) {
    this.#bytesMax = bytesMax
    this.#now = now
  }

  /** What all entries take, about. */
  get bytes(): number {
    return this.#bytes
  }

  get(question: string): Remembered | undefined {
    const entry = this.#entries.get(question)
    if (entry === undefined) return undefined
    this.#entries.delete(question)
    if (entry.untilMs <= this.#now()) {
      this.#bytes -= entry.bytes
      return undefined
    }
    this.#entries.set(question, entry)
    return entry
  }

  /** Remembers a value of JSON, which is frozen, for as long as its own `ttl_ms` says. */
  set(question: string, { value, spent, labels }: Remembered, answerBytes: number): void {
    const bytes = question.length + answerBytes + labels.length * LABEL_BYTES + ENTRY_OVERHEAD_BYTES
    const ttlMs = ttlOf(value)
    if (bytes > Math.min(ENTRY_BYTES_MAX, this.#bytesMax) || ttlMs <= 0) return
    freeze(value)
    this.#forget(question)
    this.#entries.set(question, { value, spent, labels, bytes, untilMs: this.#now() + ttlMs })
    this.#bytes += bytes
    while (this.#bytes > this.#bytesMax) {
      const [oldest] = this.#entries.keys()
      if (oldest === undefined) return
      this.#forget(oldest)
    }
  }

  clear(): void {
    this.#entries.clear()
    this.#bytes = 0
  }

  #forget(question: string): void {
    const entry = this.#entries.get(question)
    if (entry === undefined) return
    this.#entries.delete(question)
    this.#bytes -= entry.bytes
  }
}

/** How long a decision holds by its own word; for ever where it gives none, or none that is one. */
function ttlOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return Number.POSITIVE_INFINITY
  const { ttl_ms: ttlMs } = value as { ttl_ms?: unknown }
  return typeof ttlMs === 'number' ? ttlMs : Number.POSITIVE_INFINITY
}

/** Many share it from now on. */
function freeze(value: unknown): void {
  if (typeof value !== 'object' || value === null) return
  Object.freeze(value)
  for (const inner of Object.values(value)) freeze(inner)
}
