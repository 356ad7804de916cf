import type { Value } from '../value/value.ts'
import type { HttpResponse } from './exchange.ts'

/** All answers that are kept fit into this; what was used longest ago makes room. */
export const FETCH_CACHE_BYTES_MAX = 32 * 1_024 * 1_024
/** What a byte of an answer takes as a value, about. */
const BYTES_PER_BYTE = 12
const ENTRY_OVERHEAD_BYTES = 1_024

/** An answer that is kept for other evaluations. */
export interface Kept {
  readonly response: HttpResponse
  readonly value: Value
  readonly freshUntilMs: number
}

/** Answers by the key of their question, of all evaluations in this process. */
export class FetchCache {
  readonly #bytesMax: number
  /** Least recently used first. */
  readonly #entries = new Map<string, Kept>()
  #bytes = 0

  constructor(bytesMax: number = FETCH_CACHE_BYTES_MAX) {
    this.#bytesMax = bytesMax
  }

  /** What all entries take, about. */
  get bytes(): number {
    return this.#bytes
  }

  get(key: string): Kept | undefined {
    const kept = this.#entries.get(key)
    if (kept === undefined) return undefined
    this.#entries.delete(key)
    this.#entries.set(key, kept)
    return kept
  }

  set(key: string, kept: Kept): void {
    this.delete(key)
    const bytes = sizeOf(key, kept)
    if (bytes > this.#bytesMax) return
    this.#entries.set(key, kept)
    this.#bytes += bytes
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes <= this.#bytesMax) return
      this.delete(oldest)
    }
  }

  delete(key: string): void {
    const kept = this.#entries.get(key)
    if (kept === undefined) return
    this.#entries.delete(key)
    this.#bytes -= sizeOf(key, kept)
  }
}

function sizeOf(key: string, { response }: Kept): number {
  let headers = 0
  for (const [name, values] of response.headers) headers += name.length + values.join().length
  return ENTRY_OVERHEAD_BYTES + key.length * 2 + (response.body.length + headers) * BYTES_PER_BYTE
}
