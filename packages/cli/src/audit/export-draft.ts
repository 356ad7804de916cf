import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { type LoggedDecision, toParquet } from '@verdict/export'

/** Text that is held back before it is written; a gzip member each, which together are a file. */
const CHUNK_CHARS = 1024 * 1024
/** Who may read decisions is not everybody. */
const MODE = 0o640

const compressed = promisify(gzip)

/** A file that has its own name only when it is whole. */
export class Draft {
  readonly first: number
  readonly beganMs: number = performance.now()
  readonly #dir: string
  readonly #name: string
  readonly #gzip: boolean
  readonly #handle: FileHandle
  #last = 0
  #count = 0
  #bytes = 0
  #text: string[] = []
  #chars = 0
  #rows: LoggedDecision[] = []

  private constructor(handle: FileHandle, parts: DraftParts) {
    this.#handle = handle
    this.#dir = parts.dir
    this.#name = parts.name
    this.#gzip = parts.gzip
    this.first = parts.first
  }

  static async begin(parts: DraftParts): Promise<Draft> {
    return new Draft(await open(path.join(parts.dir, parts.name), 'wx', MODE), parts)
  }

  get last(): number {
    return this.#last
  }

  get count(): number {
    return this.#count
  }

  /** Of text, before it is compressed. */
  get bytes(): number {
    return this.#bytes
  }

  async addLine(line: string, bytes: number, index: number): Promise<void> {
    this.#took(index, bytes)
    this.#text.push(line)
    this.#chars += line.length
    if (this.#chars >= CHUNK_CHARS) await this.#flush()
  }

  /** A row of a table, which is in memory until it is finished. */
  addRow(decision: LoggedDecision, bytes: number): void {
    this.#took(decision.index, bytes)
    this.#rows.push(decision)
  }

  /** It is on disk under its own name when this resolves. */
  async finish(name: string): Promise<void> {
    await this.#flush()
    if (this.#rows.length > 0) await this.#handle.writeFile(toParquet(this.#rows))
    await this.#handle.sync()
    await this.#handle.close()
    await rename(path.join(this.#dir, this.#name), path.join(this.#dir, name))
    await syncDir(this.#dir)
  }

  async abandon(): Promise<void> {
    await this.#handle.close().catch(() => undefined)
    await rm(path.join(this.#dir, this.#name), { force: true })
  }

  #took(index: number, bytes: number): void {
    this.#last = index
    this.#count++
    this.#bytes += bytes
  }

  async #flush(): Promise<void> {
    if (this.#text.length === 0) return
    const text = this.#text.join('')
    this.#text = []
    this.#chars = 0
    // `writeFile` writes all of it, where the file stands.
    await this.#handle.writeFile(this.#gzip ? await compressed(text) : text)
  }
}

export interface DraftParts {
  readonly dir: string
  readonly name: string
  readonly gzip: boolean
  /** The index of the first decision in it. */
  readonly first: number
}

async function syncDir(dir: string): Promise<void> {
  const handle = await open(dir, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
