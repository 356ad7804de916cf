import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import path from 'node:path'
import { FILE_MODE } from './durable-files.ts'

const MARK_FILE = 'shipped'
const MARK_BYTES_MAX = 128
const MARK = /^(\d{16}) ([\w-]{43})\n$/

/** The last line that is stored elsewhere. Its chain hash tells if the journal is still that one. */
export interface ShippedPosition {
  readonly n: number
  readonly hash: string
}

/**
 * The file that remembers how far a journal is shipped:
 *
 *     <n of the line, 16 digits> <its chain hash>\n
 *
 * It is overwritten in place, so that a killed process leaves the old or the new one. Only when
 * segments are deleted is it synced: an older mark resends lines, and readers know them by `n`.
 */
export class ShippedMark {
  position: ShippedPosition | undefined
  readonly #file: FileHandle

  private constructor(file: FileHandle, position: ShippedPosition | undefined) {
    this.#file = file
    this.position = position
  }

  /** A file that is no mark counts as none: everything that is there is shipped again. */
  static async open(dir: string): Promise<ShippedMark> {
    const flags = constants.O_RDWR | constants.O_CREAT
    const file = await open(path.join(dir, MARK_FILE), flags, FILE_MODE)
    const { buffer, bytesRead } = await file.read(Buffer.alloc(MARK_BYTES_MAX), 0)
    const [, n, hash] = MARK.exec(buffer.toString('latin1', 0, bytesRead)) ?? []
    if (n === undefined || hash === undefined) {
      await file.truncate()
      return new ShippedMark(file, undefined)
    }
    return new ShippedMark(file, { n: Number(n), hash })
  }

  async move(position: ShippedPosition): Promise<void> {
    await this.#file.write(`${String(position.n).padStart(16, '0')} ${position.hash}\n`, 0)
    this.position = position
  }

  async sync(): Promise<void> {
    await this.#file.sync()
  }

  async close(): Promise<void> {
    await this.#file.close()
  }
}
