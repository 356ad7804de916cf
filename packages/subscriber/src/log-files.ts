import { messageOf } from '@verdict/contract'
import { type ReadTile, TILE_BYTES, TILE_WIDTH, type Tile, tilePath } from '@verdict/tlog'
import { SubscriberError, SubscriberErrorCode } from './errors.ts'

/** One answer of the log. */
const FETCH_TIMEOUT_MS = 10_000
/** A checkpoint with the signatures of many witnesses; a longer one is refused. */
const CHECKPOINT_BYTES_MAX = 256 * 1024
/** Full tiles that are kept, 8 KiB each; those that were read longest ago go first. */
const TILES_KEPT_MAX = 512

/** The files of a log under an address, which need not be trusted: checkpoint and hash tiles. */
export class LogFiles {
  readonly #url: string
  readonly #signal: AbortSignal
  readonly #kept = new Map<string, Uint8Array>()

  /** @param url with a slash at its end */
  constructor(url: string, signal: AbortSignal) {
    this.#url = url
    this.#signal = signal
  }

  /** @throws {SubscriberError} `log_unreachable` */
  async checkpoint(): Promise<Uint8Array> {
    const note = await this.#fetch('checkpoint', CHECKPOINT_BYTES_MAX)
    if (note) return note
    throw this.#unreachable('checkpoint', 'there is none')
  }

  /** @throws {SubscriberError} `log_unreachable` */
  readonly tile: ReadTile = async (tile: Tile) => {
    const path = tilePath(tile)
    const kept = this.#kept.get(path)
    if (kept) return kept
    const full = tile.width === TILE_WIDTH
    // A partial tile may go when its full one is there.
    const bytes =
      (await this.#fetch(path, TILE_BYTES)) ??
      (full ? undefined : await this.#fetch(tilePath({ ...tile, width: TILE_WIDTH }), TILE_BYTES))
    if (!bytes) throw this.#unreachable(path, 'it is not there')
    if (full) this.#keep(path, bytes)
    return bytes
  }

  #keep(path: string, bytes: Uint8Array): void {
    this.#kept.set(path, bytes)
    if (this.#kept.size <= TILES_KEPT_MAX) return
    for (const oldest of this.#kept.keys()) {
      this.#kept.delete(oldest)
      break
    }
  }

  async #fetch(path: string, bytesMax: number): Promise<Uint8Array | undefined> {
    const signal = AbortSignal.any([this.#signal, AbortSignal.timeout(FETCH_TIMEOUT_MS)])
    try {
      const response = await fetch(`${this.#url}${path}`, { signal })
      if (response.status === 404) return undefined
      if (!response.ok) throw new Error(`the answer is ${response.status}`)
      return await bounded(response, bytesMax)
    } catch (cause) {
      throw this.#unreachable(path, messageOf(cause), cause)
    }
  }

  #unreachable(path: string, why: string, cause?: unknown): SubscriberError {
    const message = `\`${this.#url}${path}\` can't be read: ${why}`
    return new SubscriberError(SubscriberErrorCode.logUnreachable, message, { cause })
  }
}

async function bounded(response: Response, bytesMax: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  let bytes = 0
  for await (const part of response.body ?? []) {
    bytes += part.length
    if (bytes > bytesMax) throw new Error(`it is longer than ${bytesMax} bytes`)
    parts.push(part)
  }
  return Buffer.concat(parts)
}
