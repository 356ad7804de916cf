import { open, readdir } from 'node:fs/promises'
import path from 'node:path'
import { CHAIN_HASH_CHARS } from '@verdict/contract'
import { FILE_MODE, syncDirectory } from './durable-files.ts'

const N_DIGITS = 16
const SEGMENT_NAME = new RegExp(`^(\\d{${N_DIGITS}})-([\\w-]{${CHAIN_HASH_CHARS}})\\.journal$`)

/**
 * One file of a journal. Its name says where it begins, so that the chain can be verified and
 * continued when everything before it is shipped and deleted:
 *
 *     <n of its first line, 16 digits>-<chain hash of the line before>.journal
 */
export interface Segment {
  readonly path: string
  readonly firstN: number
  readonly previousHash: string
  /** What is durable of it. */
  bytes: number
  /** The last durable line; `firstN - 1` while there is none. */
  lastN: number
}

/** Creates an empty segment; it is durable when this resolves. */
export async function createSegment(
  dir: string,
  firstN: number,
  previousHash: string,
): Promise<Segment> {
  const name = `${String(firstN).padStart(N_DIGITS, '0')}-${previousHash}.journal`
  const segment = segmentAt(dir, firstN, previousHash, name)
  await (await open(segment.path, 'wx', FILE_MODE)).close()
  await syncDirectory(dir)
  return segment
}

/** The segments of a directory in order, their contents not looked at. */
export async function listSegments(dir: string): Promise<Segment[]> {
  const segments: Segment[] = []
  for (const name of (await readdir(dir)).sort()) {
    const [, firstN, previousHash] = SEGMENT_NAME.exec(name) ?? []
    if (firstN === undefined || previousHash === undefined) continue
    segments.push(segmentAt(dir, Number(firstN), previousHash, name))
  }
  return segments
}

function segmentAt(dir: string, firstN: number, previousHash: string, name: string): Segment {
  return { path: path.join(dir, name), firstN, previousHash, bytes: 0, lastN: firstN - 1 }
}
