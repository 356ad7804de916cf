import { hash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { HASH_BYTES, type TreeHead } from '@verdict/tlog'
import { AuditError, AuditErrorCode } from '../errors.ts'
import type { LogFile, LogFs } from './log-fs.ts'

/** The directory of what is durable and not yet in the tree that anyone can read. */
export const STAGED_DIR = 'staged'

/** The length of a frame and a checksum of it; then the digest, then the entries. */
const LENGTH_BYTES = 4
const CHECKSUM_BYTES = 4
const HEADER_BYTES = LENGTH_BYTES + CHECKSUM_BYTES + HASH_BYTES
/** Frames begin at multiples of this, so that no header lies across two sectors of a disk. */
const ALIGNMENT = 64
const ENTRY_LENGTH_BYTES = 2

/** What a file of staged entries holds. */
interface Frames {
  readonly entries: Uint8Array[]
  /** Where the next frame goes; beyond it is what a crash left of one that nobody relies on. */
  readonly end: number
  readonly digest: Uint8Array
}

/**
 * The entries behind the end of a tree, in one file: each frame is a group that was made durable
 * together, and its digest covers the one before, back to the root of the tree. All tiles follow
 * from these entries, so nothing else has to be staged.
 */
export class StagedEntries implements Disposable {
  readonly #file: LogFile
  #end: number
  #digest: Uint8Array

  private constructor(file: LogFile, { end, digest }: Omit<Frames, 'entries'>) {
    this.#file = file
    this.#end = end
    this.#digest = digest
  }

  /** Begins behind a tree. */
  static create(fs: LogFs, head: TreeHead): StagedEntries {
    const file = fs.open(pathOf(head.size))
    file.truncate(0)
    fs.syncDir(STAGED_DIR)
    return new StagedEntries(file, { end: 0, digest: genesisOf(head) })
  }

  /**
   * Goes on with what was staged behind a tree; undefined where nothing was.
   * @throws {AuditError} `log_damaged`
   */
  static resume(
    fs: LogFs,
    head: TreeHead,
  ): { staged: StagedEntries; entries: Uint8Array[] } | undefined {
    const path = pathOf(head.size)
    const bytes = fs.read(path)
    if (bytes === undefined) return undefined
    const frames = readFrames(bytes, genesisOf(head), path)
    const file = fs.open(path)
    // A process that was killed may have written, and not synced, what was just read.
    file.truncate(frames.end)
    file.sync()
    fs.syncDir(STAGED_DIR)
    return { staged: new StagedEntries(file, frames), entries: frames.entries }
  }

  /** The sizes of the trees behind which something is staged. */
  static sizes(fs: LogFs): number[] {
    return fs
      .list(STAGED_DIR)
      .map((name) => /^(\d+)\.entries$/.exec(name)?.[1])
      .filter((size) => size !== undefined)
      .map(Number)
  }

  /** Forgets what was staged behind a tree: it is in the tree that is published. */
  static remove(fs: LogFs, size: number): void {
    fs.remove(pathOf(size))
  }

  /** Makes a group of entries durable. When it throws, none of them is staged for certain. */
  append(entries: readonly Uint8Array[]): void {
    const payload = encode(entries)
    const digest = digestOf(this.#digest, payload)
    const frame = Buffer.alloc(aligned(HEADER_BYTES + payload.length))
    frame.writeUInt32BE(payload.length)
    frame.writeUInt32BE(checksumOf(payload.length, this.#end), LENGTH_BYTES)
    frame.set(digest, LENGTH_BYTES + CHECKSUM_BYTES)
    frame.set(payload, HEADER_BYTES)
    this.#file.write(frame, this.#end)
    this.#file.sync()
    this.#end += frame.length
    this.#digest = digest
  }

  /** Takes back a frame that could not be written, so that no part of it is found later. */
  takeBack(): void {
    this.#file.truncate(this.#end)
    this.#file.sync()
  }

  [Symbol.dispose](): void {
    this.#file.close()
  }
}

/**
 * Reads frame by frame. A crash can tear the last one, which nobody was told of; whatever else does
 * not fit was changed afterwards, and nothing may be built on it.
 */
function readFrames(bytes: Uint8Array, genesis: Uint8Array, path: string): Frames {
  const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const entries: Uint8Array[] = []
  let digest = genesis
  let end = 0
  while (end + HEADER_BYTES <= data.length) {
    const length = data.readUInt32BE(end)
    const checksum = data.readUInt32BE(end + LENGTH_BYTES)
    if (checksum !== checksumOf(length, end)) {
      // The sector of the header was not written at all.
      if (length === 0 && checksum === 0) break
      throw damaged(path, end)
    }
    const next = end + aligned(HEADER_BYTES + length)
    const stored = data.subarray(end + LENGTH_BYTES + CHECKSUM_BYTES, end + HEADER_BYTES)
    const payload = data.subarray(end + HEADER_BYTES, end + HEADER_BYTES + length)
    const found = digestOf(digest, payload)
    if (payload.length < length || !stored.equals(found)) {
      if (next >= data.length) break
      throw damaged(path, end)
    }
    for (const entry of decode(payload)) entries.push(entry)
    digest = found
    end = next
  }
  return { entries, end: Math.min(end, data.length), digest }
}

function encode(entries: readonly Uint8Array[]): Buffer {
  const length = entries.reduce((sum, entry) => sum + ENTRY_LENGTH_BYTES + entry.length, 0)
  const payload = Buffer.allocUnsafe(length)
  let at = 0
  for (const entry of entries) {
    at = payload.writeUInt16BE(entry.length, at)
    payload.set(entry, at)
    at += entry.length
  }
  return payload
}

function* decode(payload: Buffer): Generator<Uint8Array> {
  for (let at = 0; at < payload.length; ) {
    const end = at + ENTRY_LENGTH_BYTES + payload.readUInt16BE(at)
    yield payload.subarray(at + ENTRY_LENGTH_BYTES, end)
    at = end
  }
}

function pathOf(size: number): string {
  return `${STAGED_DIR}/${size}.entries`
}

function aligned(length: number): number {
  return Math.ceil(length / ALIGNMENT) * ALIGNMENT
}

function genesisOf({ size, root }: TreeHead): Uint8Array {
  return hash('sha256', `verdict staged\n${size}\n${Buffer.from(root).toString('hex')}\n`, 'buffer')
}

function digestOf(previous: Uint8Array, payload: Uint8Array): Uint8Array {
  return hash('sha256', Buffer.concat([previous, payload]), 'buffer')
}

function checksumOf(length: number, at: number): number {
  return crc32(`${length} ${at}`)
}

function damaged(path: string, at: number): AuditError {
  return new AuditError(
    AuditErrorCode.logDamaged,
    `\`${path}\` was changed at byte ${at}: restore the data directory, or remove the file and ` +
      'have the decision points send their journals again',
  )
}
