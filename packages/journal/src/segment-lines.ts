import { open } from 'node:fs/promises'
import { JOURNAL_LINE_BYTES_MAX } from '@verdict/contract'

const CHUNK_BYTES = 1024 * 1024
const LINE_FEED = 0x0a

/** A piece of a segment; a view that is valid only while it is visited. */
export interface SegmentLine {
  /** Without the line feed. */
  readonly bytes: Buffer
  readonly offset: number
  /** Ended by a line feed. A last line without one, and a piece of an endless line, are not. */
  readonly complete: boolean
}

/**
 * Visits the lines of a file in order, with one chunk in memory. What has no line feed for longer
 * than a line may be is visited in pieces.
 */
export async function eachLine(file: string, visit: (line: SegmentLine) => void): Promise<void> {
  await using handle = await open(file, 'r')
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES + JOURNAL_LINE_BYTES_MAX)
  let held = 0
  let offset = 0
  for (;;) {
    const { bytesRead } = await handle.read(chunk, held, CHUNK_BYTES, offset + held)
    const end = held + bytesRead
    let start = 0
    for (;;) {
      const at = chunk.indexOf(LINE_FEED, start)
      // Behind `end` are the bytes of chunks before.
      if (at === -1 || at >= end) break
      visit({ bytes: chunk.subarray(start, at), offset: offset + start, complete: true })
      start = at + 1
    }
    const endless = end - start > JOURNAL_LINE_BYTES_MAX
    if (start < end && (endless || bytesRead === 0)) {
      visit({ bytes: chunk.subarray(start, end), offset: offset + start, complete: false })
      start = end
    }
    if (bytesRead === 0) return
    chunk.copy(chunk, 0, start, end)
    held = end - start
    offset += start
  }
}
