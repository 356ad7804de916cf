import { BundlesError, BundlesErrorCode } from '../errors.ts'

/** What has no room is refused and told; the store that it comes from takes no more either. */
export const DATA_BYTES_MAX = 256 * 1024 ** 2

/** A value of JSON for a path in `data`, or that the path has none any more. */
export interface DataChange {
  readonly path: readonly string[]
  readonly json: Uint8Array | undefined
  /** Of the store: each change has a greater one. */
  readonly revision: number
}

/** Whoever wants each change at once. */
export type DataListener = (change: DataChange) => void

/**
 * The data that came beside the bundles: the last change of each path, in the order in which they
 * came. A policy that is loaded later gets them all.
 */
export class PolicyData {
  readonly #listeners = new Set<DataListener>()
  #changes = new Map<string, DataChange>()
  #bytes = 0
  /** What is read anew of a store that is another; it is in force when all of it is there. */
  #renewed: PolicyData | undefined
  #loaded = false

  /** Whether all that is stored has come. */
  get loaded(): boolean {
    return this.#loaded
  }

  /** @throws {BundlesError} `data_malformed` where there is no room */
  put(change: DataChange): void {
    if (this.#renewed === undefined) this.#put(change)
    else this.#renewed.#put(change)
  }

  #put(change: DataChange): void {
    const key = JSON.stringify(change.path)
    const bytes = this.#bytes - sizeOf(key, this.#changes.get(key)) + sizeOf(key, change)
    if (bytes > DATA_BYTES_MAX) {
      const why = `data has more than ${DATA_BYTES_MAX} bytes: take out what is not needed`
      throw new BundlesError(BundlesErrorCode.dataMalformed, why)
    }
    this.#bytes = bytes
    // What is put in anew comes last.
    this.#changes.delete(key)
    this.#changes.set(key, change)
    for (const listener of this.#listeners) listener(change)
  }

  /** All that is stored follows; until it has come, what there was before stays in force. */
  reset(): void {
    this.#renewed = this.#changes.size === 0 ? undefined : new PolicyData()
  }

  /** All that is stored has come; whether it took the place of something else. */
  complete(): boolean {
    this.#loaded = true
    const renewed = this.#renewed
    this.#renewed = undefined
    if (renewed === undefined) return false
    this.#changes = renewed.#changes
    this.#bytes = renewed.#bytes
    return true
  }

  /** The changes, the oldest first. */
  get changes(): Iterable<DataChange> {
    return this.#changes.values()
  }

  listen(listener: DataListener): void {
    this.#listeners.add(listener)
  }

  leave(listener: DataListener): void {
    this.#listeners.delete(listener)
  }
}

function sizeOf(key: string, change: DataChange | undefined): number {
  return change === undefined ? 0 : key.length + (change.json?.byteLength ?? 0)
}
