const LENGTH_BYTES = 2
const ROOM_BYTES_MIN = 64 * 1024

/** The entry bundle that is being filled. It grows to what 256 entries need, and no further. */
export class BundleWriter {
  #bytes: Uint8Array = new Uint8Array(ROOM_BYTES_MIN)
  #length = 0

  append(entry: Uint8Array): void {
    const at = this.#length
    const end = at + LENGTH_BYTES + entry.length
    if (end > this.#bytes.length) this.#makeRoom(end)
    this.#bytes[at] = entry.length >>> 8
    this.#bytes[at + 1] = entry.length & 0xff
    this.#bytes.set(entry, at + LENGTH_BYTES)
    this.#length = end
  }

  copy(): Uint8Array {
    return this.#bytes.slice(0, this.#length)
  }

  /** What was appended, and an empty bundle from here on. */
  take(): Uint8Array {
    const bundle = this.copy()
    this.#length = 0
    return bundle
  }

  #makeRoom(length: number): void {
    const bytes = new Uint8Array(Math.max(length, 2 * this.#bytes.length))
    bytes.set(this.#bytes.subarray(0, this.#length))
    this.#bytes = bytes
  }
}
