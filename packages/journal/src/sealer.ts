import type { SealKey } from './seal-key.ts'
import type { Batch } from './segment-reader.ts'
import type { ShippedMark } from './shipped-mark.ts'

const DAY_MS = 86_400_000
/** A key signs for this long before the next one takes over. */
export const DEFAULT_KEY_AGE_MS_MAX = 30 * DAY_MS
/** So many messages make a key known in a row, then one in each interval: any may get lost. */
const ANNOUNCEMENTS = 8
const ANNOUNCE_INTERVAL_MS = 10_000

/** Makes messages of batches: the records, the key that is to be known, and the seal. */
export class Sealer {
  readonly #mark: ShippedMark
  readonly #keyAgeMsMax: number
  #key: SealKey
  /** Messages that made the key known since the start, and when the last one did. */
  #announced = 0
  #announcedMs = Number.NEGATIVE_INFINITY

  constructor(key: SealKey, mark: ShippedMark, keyAgeMsMax: number) {
    this.#key = key
    this.#mark = mark
    this.#keyAgeMsMax = keyAgeMsMax
  }

  /** Of the key that seals now, in base64url. */
  get publicKey(): string {
    return this.#key.publicKey
  }

  /**
   * A message: control lines, then the records, then the seal. Try it until it is stored. Where
   * records come again, the message that made the key known may be lost as well.
   */
  message(
    { bytes, lastN, lastHash }: Batch,
    controls: readonly string[] = [],
    isAgain: boolean = false,
  ): Uint8Array {
    const isDue = performance.now() - this.#announcedMs >= ANNOUNCE_INTERVAL_MS
    const announces = isAgain || isDue || this.#announced < ANNOUNCEMENTS
    const before = announces ? [this.#key.line, ...controls] : controls
    const seal = this.#key.seal({ n: lastN, hash: lastHash })
    if (announces) this.#announcedMs = performance.now()
    const head = before.map((line) => `${line}\n`).join('')
    return Buffer.concat([Buffer.from(head), bytes, Buffer.from(`${seal}\n`)])
  }

  /**
   * A message was stored, and its place is marked. A key that is old enough gets its successor, but
   * not before the log covers a record that it has sealed: while it is not known there, nobody
   * could tell who endorses the successor. The mark is made durable before, so that each key begins
   * behind the one before, also after a crash.
   */
  async stored(covered: number): Promise<void> {
    this.#announced += 1
    const { position } = this.#mark
    if (Date.now() - this.#key.madeAtMs < this.#keyAgeMsMax) return
    if (!position || Math.min(position.n, covered) < this.#key.from) return
    await this.#mark.sync()
    this.#key = await this.#key.succeed(position.n + 1)
    this.#announced = 0
  }
}
