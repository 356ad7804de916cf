import { open, stat } from 'node:fs/promises'
import { ChainScan, type Cursor } from './chain-scan.ts'
import { syncDirectory } from './durable-files.ts'
import { corrupt } from './errors.ts'
import type { JournalIdentity } from './journal-identity.ts'
import { listSegments, type Segment } from './segment.ts'
import { eachLine } from './segment-lines.ts'
import type { ShippedPosition } from './shipped-mark.ts'

/** What a journal held when it was opened. */
export interface Recovered {
  /** In order. */
  readonly segments: Segment[]
  /** The last of them, to append to. */
  readonly last: Segment
  readonly lastN: number
  readonly lastHash: string
  readonly lines: number
  /** What was cut off the end. */
  readonly tornBytes: number
  readonly shippedCursor: Cursor
}

/**
 * Verifies every line, cuts a torn tail off, and makes durable what is left: a killed process may
 * have written lines that it did not come to sync.
 * @throws {JournalError} `corrupt`
 */
export async function recoverSegments(
  dir: string,
  identity: JournalIdentity,
  shipped: ShippedPosition | undefined,
): Promise<Recovered> {
  const segments = await listSegments(dir)
  const [first] = segments
  const last = segments.at(-1)
  if (!first || !last) throw corrupt(dir, 'all its segments are missing')
  const scan = new ChainScan({ dir, identity, first, shipped })
  for (const segment of segments) {
    scan.enter(segment, segment === last)
    await eachLine(segment.path, (line) => scan.visit(line))
  }
  scan.finish()
  const tornBytes = (await stat(last.path)).size - last.bytes
  await settle(last, tornBytes)
  await syncDirectory(dir)
  const { lastN, lastHash, lines, shippedCursor } = scan
  return { segments, last, lastN, lastHash, lines, tornBytes, shippedCursor }
}

async function settle(last: Segment, tornBytes: number): Promise<void> {
  await using file = await open(last.path, 'r+')
  if (tornBytes > 0) await file.truncate(last.bytes)
  await file.sync()
}
