import fs from 'node:fs'
import { promisify } from 'node:util'
import type { Segment } from './segment.ts'

/** The two operations on which durability stands; tests of faults replace them. */
export interface FileOperations {
  /** How many bytes were written, which may be fewer than were given. */
  write(fd: number, bytes: Uint8Array, position: number): Promise<number>
  fdatasync(fd: number): Promise<void>
}

export const nodeFileOperations: FileOperations = {
  // In place: it copies a group into the page cache, which costs less than a thread's turn. Only
  // the sync waits for the disk.
  write: async (fd, bytes, position) => fs.writeSync(fd, bytes, 0, bytes.length, position),
  fdatasync: promisify(fs.fdatasync),
}

/** Appends to one segment. After an error it must not be used again: what is on disk is unknown. */
export class SegmentWriter {
  readonly segment: Segment
  readonly #fd: number
  readonly #files: FileOperations

  constructor(segment: Segment, files: FileOperations) {
    this.segment = segment
    this.#files = files
    this.#fd = fs.openSync(segment.path, 'r+')
  }

  /** Resolves when the lines are durable. */
  async append(lines: Uint8Array, lastN: number): Promise<void> {
    const { segment } = this
    for (let written = 0; written < lines.length; ) {
      const rest = lines.subarray(written)
      written += await this.#files.write(this.#fd, rest, segment.bytes + written)
    }
    await this.#files.fdatasync(this.#fd)
    segment.bytes += lines.length
    segment.lastN = lastN
  }

  close(): void {
    fs.closeSync(this.#fd)
  }
}
