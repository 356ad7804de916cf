import { type FileHandle, open } from 'node:fs/promises'
import path from 'node:path'
import { CHAIN_HASH_CHARS } from '@verdict/contract'
import type { Cursor } from './chain-scan.ts'
import { corrupt, type JournalError } from './errors.ts'
import type { Segment } from './segment.ts'

const LINE_FEED = 0x0a

/** Whole lines, in order and without a gap to the batch before. */
export interface Batch {
  readonly bytes: Uint8Array
  readonly lines: number
  readonly lastN: number
  /** The chain hash of the last line. */
  readonly lastHash: string
}

/** Reads the durable lines of a journal from a cursor on. */
export class SegmentReader implements AsyncDisposable {
  /** Shared with the journal, which adds at the end and takes away at the front. */
  readonly #segments: readonly Segment[]
  #segment: Segment
  #offset: number
  #nextN: number
  #file: FileHandle | undefined

  constructor(segments: readonly Segment[], cursor: Cursor, nextN: number) {
    this.#segments = segments
    this.#segment = cursor.segment
    this.#offset = cursor.offset
    this.#nextN = nextN
  }

  /** The next lines, as many as `bytesMax` holds; undefined while there are none. */
  async next(bytesMax: number): Promise<Batch | undefined> {
    if (this.#offset === this.#segment.bytes) await this.#enterNext()
    const available = this.#segment.bytes - this.#offset
    if (available === 0) return undefined
    this.#file ??= await open(this.#segment.path, 'r')
    const buffer = Buffer.allocUnsafeSlow(Math.min(available, bytesMax))
    await this.#readFully(this.#file, buffer)
    const bytes = buffer.subarray(0, buffer.lastIndexOf(LINE_FEED) + 1)
    if (bytes.length === 0) throw this.#corrupt(`no line ends within ${buffer.length} bytes`)
    const lines = countLines(bytes)
    const lastLine = bytes.lastIndexOf(LINE_FEED, -2) + 1
    this.#offset += bytes.length
    this.#nextN += lines
    return {
      bytes,
      lines,
      lastN: this.#nextN - 1,
      lastHash: bytes.toString('latin1', lastLine, lastLine + CHAIN_HASH_CHARS),
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#leave()
  }

  async #enterNext(): Promise<void> {
    const next = this.#segments.find((segment) => segment.firstN > this.#segment.firstN)
    if (!next) return
    await this.#leave()
    this.#segment = next
    this.#offset = 0
  }

  async #leave(): Promise<void> {
    await this.#file?.close()
    this.#file = undefined
  }

  async #readFully(file: FileHandle, buffer: Buffer): Promise<void> {
    for (let read = 0; read < buffer.length; ) {
      const at = this.#offset + read
      const { bytesRead } = await file.read(buffer, read, buffer.length - read, at)
      if (bytesRead === 0) throw this.#corrupt(`it ends at ${at} although more was written`)
      read += bytesRead
    }
  }

  #corrupt(what: string): JournalError {
    const { dir, base } = path.parse(this.#segment.path)
    return corrupt(dir, `file \`${base}\` was changed: ${what}`)
  }
}

/** The lines of a batch from one place to another, both included; undefined where it has none. */
export function linesBetween(batch: Batch, from: number, to: number): Batch | undefined {
  const firstN = batch.lastN - batch.lines + 1
  const [begin, lastN] = [Math.max(firstN, from), Math.min(batch.lastN, to)]
  if (begin > lastN) return undefined
  if (begin === firstN && lastN === batch.lastN) return batch
  const { buffer, byteOffset, length } = batch.bytes
  const all = Buffer.from(buffer, byteOffset, length)
  const start = behindLines(all, 0, begin - firstN)
  const lastLine = behindLines(all, start, lastN - begin)
  return {
    bytes: all.subarray(start, behindLines(all, lastLine, 1)),
    lines: lastN - begin + 1,
    lastN,
    lastHash: all.toString('latin1', lastLine, lastLine + CHAIN_HASH_CHARS),
  }
}

function behindLines(bytes: Buffer, from: number, lines: number): number {
  let at = from
  for (let line = 0; line < lines; line += 1) at = bytes.indexOf(LINE_FEED, at) + 1
  return at
}

function countLines(bytes: Buffer): number {
  let lines = 0
  for (let at = bytes.indexOf(LINE_FEED); at !== -1; at = bytes.indexOf(LINE_FEED, at + 1)) {
    lines += 1
  }
  return lines
}
