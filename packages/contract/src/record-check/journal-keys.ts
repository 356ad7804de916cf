import {
  isEndorsed,
  isSealedBy,
  type JournalKey,
  type Seal,
  sealKeyId,
} from '../journal-control.ts'

interface KnownKey {
  readonly key: string
  /** The first record that only this one seals, and the last, where another key has taken over. */
  readonly from: number
  to?: number
}

/**
 * The keys that one instance has had, as the log tells of them. The first is believed; of each
 * other one it is said whether the one before vouches for it.
 */
export class JournalKeys {
  /** Nobody rotates keys this often. */
  static readonly MAX = 10_000

  readonly #known = new Set<string>()
  readonly #places = new Map<string, KnownKey>()
  /** Keys that no key before them endorses: the log has believed them because they were pinned. */
  readonly unendorsed: string[] = []

  get count(): number {
    return this.#places.size
  }

  /** Takes in a key; what speaks against it. */
  take(journalKey: JournalKey): string | undefined {
    const { epoch, from, key, previous } = journalKey
    const place = `${epoch} ${sealKeyId(key)}`
    // Said again, such as at the beginning of a shard.
    if (this.#places.has(place)) return undefined
    if (!isEndorsed(journalKey)) return 'its signature is wrong'
    const before = previous && this.#places.get(`${epoch} ${sealKeyId(previous)}`)
    if (before) {
      if (before.to !== undefined) return 'the key before it has endorsed another one'
      if (from <= before.from) return 'it would seal what the key before it has sealed'
      before.to = from - 1
    } else if (this.#known.size > 0 && !this.#known.has(key)) this.unendorsed.push(key)
    this.#known.add(key)
    this.#places.set(place, { key, from })
    return undefined
  }

  /** What speaks against a seal. */
  problemOf(seal: Seal): string | undefined {
    const { epoch, key, n } = seal
    const known = this.#places.get(`${epoch} ${key}`)
    if (known === undefined) return 'is by a key that the log does not have'
    // Records from before the key are sealed by it when they had to be sent again.
    if (n > (known.to ?? n)) return 'is by a key that another one has followed before'
    return isSealedBy(seal, known.key) ? undefined : 'has a wrong signature'
  }
}
