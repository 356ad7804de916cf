import { rm } from 'node:fs/promises'
import type { Cursor } from './chain-scan.ts'
import { syncDirectory } from './durable-files.ts'
import { createSegment, type Segment } from './segment.ts'
import { SegmentReader } from './segment-reader.ts'
import { type FileOperations, SegmentWriter } from './segment-writer.ts'

export interface SegmentLogOptions {
  readonly dir: string
  /** In order. */
  readonly segments: Segment[]
  /** The last of them. */
  readonly last: Segment
  readonly segmentBytesMax: number
  readonly files: FileOperations
}

/** The segments of one journal: lines are added at the end, whole segments go at the front. */
export class SegmentLog {
  /** Of all segments. */
  bytes = 0
  readonly #options: SegmentLogOptions
  readonly #segments: Segment[]
  #writer: SegmentWriter

  private constructor(options: SegmentLogOptions) {
    this.#options = options
    this.#segments = options.segments
    this.#writer = new SegmentWriter(options.last, options.files)
    for (const segment of this.#segments) this.bytes += segment.bytes
  }

  /** How many segments there are. */
  get count(): number {
    return this.#segments.length
  }

  /** `lastHash` is the chain hash of the last line. */
  static async open(options: SegmentLogOptions, lastHash: string): Promise<SegmentLog> {
    const log = new SegmentLog(options)
    await log.#succeedWhenFull(lastHash)
    return log
  }

  /** Resolves when the lines are durable. After an error nothing may be appended any more. */
  async append(lines: Uint8Array, lastN: number, lastHash: string): Promise<void> {
    await this.#writer.append(lines, lastN)
    this.bytes += lines.length
    await this.#succeedWhenFull(lastHash)
  }

  /** Deletes the segments that end at `n` or before, but never the last: the chain goes on there. */
  async release(n: number): Promise<void> {
    for (;;) {
      const first = this.#releasable(n)
      if (!first) return
      await rm(first.path, { force: true })
      // One after the other, so that a crash leaves no gap between segments.
      await syncDirectory(this.#options.dir)
      if (this.#segments[0] !== first) continue
      this.#segments.shift()
      this.bytes -= first.bytes
    }
  }

  /** Whether `release(n)` would delete anything. */
  canRelease(n: number): boolean {
    return this.#releasable(n) !== undefined
  }

  reader(cursor: Cursor, nextN: number): SegmentReader {
    return new SegmentReader(this.#segments, cursor, nextN)
  }

  /** From the begin of the segment that has this line. */
  readerFrom(n: number): SegmentReader | undefined {
    const segment = this.#segments.find(({ lastN }) => lastN >= n)
    return segment && this.reader({ segment, offset: 0 }, segment.firstN)
  }

  close(): void {
    this.#writer.close()
  }

  #releasable(n: number): Segment | undefined {
    const [first, second] = this.#segments
    return second && first && first.lastN <= n ? first : undefined
  }

  /**
   * A full segment gets its successor at once and not with the next line, because a full journal
   * takes no next line until this segment can be released.
   */
  async #succeedWhenFull(lastHash: string): Promise<void> {
    const { segment } = this.#writer
    if (segment.bytes < this.#options.segmentBytesMax) return
    const next = await createSegment(this.#options.dir, segment.lastN + 1, lastHash)
    const writer = new SegmentWriter(next, this.#options.files)
    this.#writer.close()
    this.#writer = writer
    this.#segments.push(next)
  }
}
