/** Bytes of entries that are kept; those that were used longest ago make room. */
const CACHE_BYTES_MAX = 32 * 1024 * 1024

interface Kept {
  readonly entries: readonly Uint8Array[]
  readonly bytes: number
}

/** The entries of bundles that were read lately: what is asked for together lies together. */
export class BundleCache {
  readonly #kept = new Map<string, Kept>()
  #bytes = 0

  /** What is under a key; it is read where nobody has lately. */
  get(key: string, read: () => readonly Uint8Array[]): readonly Uint8Array[] {
    const known = this.#kept.get(key)
    if (known) {
      this.#kept.delete(key)
      this.#kept.set(key, known)
      return known.entries
    }
    const entries = read()
    const bytes = entries.reduce((sum, entry) => sum + entry.length, 0)
    this.#kept.set(key, { entries, bytes })
    this.#bytes += bytes
    for (const [oldest, kept] of this.#kept) {
      if (this.#bytes <= CACHE_BYTES_MAX) break
      this.#kept.delete(oldest)
      this.#bytes -= kept.bytes
    }
    return entries
  }
}
