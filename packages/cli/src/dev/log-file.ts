import { once } from 'node:events'
import { createWriteStream, type WriteStream } from 'node:fs'
import { mkdir, rename, stat } from 'node:fs/promises'
import path from 'node:path'

/** A log that would grow beyond this becomes `<name>.1`, in place of the one before. */
export const LOG_BYTES_MAX = 16 * 1024 ** 2

/** A log of lines that takes a bounded part of the disk: at most twice `bytesMax`. */
export class LogFile {
  readonly file: string
  readonly #bytesMax: number
  #stream: WriteStream
  #bytes: number
  /** A disk that is full must not end the cluster: the log stops instead. */
  #broken: boolean = false

  private constructor(file: string, bytes: number, bytesMax: number) {
    this.file = file
    this.#bytes = bytes
    this.#bytesMax = bytesMax
    this.#stream = this.#open()
  }

  static async open(file: string, bytesMax: number = LOG_BYTES_MAX): Promise<LogFile> {
    await mkdir(path.dirname(file), { recursive: true })
    const bytes = await stat(file).then(
      ({ size }) => size,
      () => 0,
    )
    return new LogFile(file, bytes, bytesMax)
  }

  /** Resolves when more may come. One caller at a time. */
  async write(line: string): Promise<void> {
    if (this.#broken) return
    const bytes = Buffer.byteLength(line) + 1
    if (this.#bytes > 0 && this.#bytes + bytes > this.#bytesMax) await this.#rotate()
    this.#bytes += bytes
    if (!this.#stream.write(`${line}\n`)) await this.#drained()
  }

  async close(): Promise<void> {
    if (this.#broken) return
    this.#stream.end()
    await once(this.#stream, 'close').catch(() => undefined)
  }

  async #rotate(): Promise<void> {
    await this.close()
    try {
      await rename(this.file, `${this.file}.1`)
      this.#bytes = 0
      this.#stream = this.#open()
    } catch {
      // As for a disk that is full.
      this.#broken = true
    }
  }

  async #drained(): Promise<void> {
    await Promise.race([once(this.#stream, 'drain'), once(this.#stream, 'close')]).catch(
      () => undefined,
    )
  }

  #open(): WriteStream {
    const stream = createWriteStream(this.file, { flags: 'a', mode: 0o640 })
    stream.on('error', () => {
      this.#broken = true
    })
    return stream
  }
}
