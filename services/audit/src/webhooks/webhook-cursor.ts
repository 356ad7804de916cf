import path from 'node:path'
import { diskFs, type LogFs, writeWhole } from '../log/log-fs.ts'

const FOLDER = 'webhooks'

interface Place {
  /** All up to this index of the log was accepted, or is not wanted. */
  readonly index: number
  /** The URL that has said that it wants nothing more (410). */
  readonly gone?: string
}

/** How far a webhook is, in a file of its own in the data directory. */
export class WebhookCursor {
  readonly #fs: LogFs
  readonly #file: string
  #place: Place

  /** Without a file it begins at the end of the log, and that is written down at once. */
  constructor(dataDir: string, name: string, lastIndex: number) {
    this.#fs = diskFs(dataDir)
    this.#file = path.join(FOLDER, `${name}.json`)
    const known = parse(this.#fs.read(this.#file), path.join(dataDir, this.#file))
    // A log that was put back to an older state gives what comes now the same numbers again.
    this.#place = { ...known, index: Math.min(known?.index ?? lastIndex, lastIndex) }
    if (known === undefined) this.#begin()
  }

  get index(): number {
    return this.#place.index
  }

  get gone(): string | undefined {
    return this.#place.gone
  }

  /** It is on disk when this returns. */
  moveTo(index: number): void {
    this.#write({ index })
  }

  /** The receiver wants nothing more. */
  end(url: string): void {
    this.#write({ index: this.index, gone: url })
  }

  #begin(): void {
    this.#fs.makeDir(FOLDER)
    this.#fs.syncDir('.')
    this.#write(this.#place)
  }

  #write(place: Place): void {
    const bytes = Buffer.from(`${JSON.stringify({ ...place, v: 1 })}\n`)
    writeWhole(this.#fs, this.#file, bytes)
    this.#place = place
  }
}

function parse(bytes: Uint8Array | undefined, file: string): Place | undefined {
  if (bytes === undefined) return undefined
  try {
    const { gone, index, v } = JSON.parse(Buffer.from(bytes).toString('utf8'))
    if (v === 1 && Number.isSafeInteger(index) && index >= 0) {
      return { index, ...(typeof gone === 'string' && { gone }) }
    }
  } catch {
    // No JSON.
  }
  throw new Error(
    `\`${file}\` holds no place of a webhook: restore it, or take it away to begin now`,
  )
}
