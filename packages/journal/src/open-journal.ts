import assert from 'node:assert/strict'
import { JOURNAL_LINE_BYTES_MAX, messageOf } from '@verdict/contract'
import { lockDirectory } from './directory-lock.ts'
import { createDirectory } from './durable-files.ts'
import { JournalError, JournalErrorCode } from './errors.ts'
import { Journal } from './journal.ts'
import { identify } from './journal-identity.ts'
import { type Fill, JournalRoom } from './journal-room.ts'
import { recoverSegments } from './recovery.ts'
import { SealKey } from './seal-key.ts'
import { DEFAULT_KEY_AGE_MS_MAX, Sealer } from './sealer.ts'
import { SegmentLog } from './segment-log.ts'
import { type FileOperations, nodeFileOperations } from './segment-writer.ts'
import { ShippedMark } from './shipped-mark.ts'

/** Small enough that disk space comes back soon, large enough that files are few. */
export const DEFAULT_SEGMENT_BYTES_MAX = 16 * 1024 ** 2
/** About 1.5 million records: an hour without the bus at 400 decisions/s. */
export const DEFAULT_BYTES_MAX = 1024 ** 3
/** A full journal has about this many segments, so that shipping makes room bit by bit. */
export const SEGMENTS_MIN = 4
/** The least that `bytesMax` may be. */
export const BYTES_MAX_MIN = SEGMENTS_MIN * JOURNAL_LINE_BYTES_MAX

export interface JournalOptions {
  /** Created where it does not exist; nothing else belongs into it. */
  readonly dir: string
  /** The instance of a new journal; else `authz-` and 8 random hexadecimal digits. */
  readonly instanceName?: string | undefined
  /** A segment that has this many bytes gets a successor; at most a quarter of `bytesMax`. */
  readonly segmentBytesMax?: number
  /** All segments together; an append beyond it is refused as `full`. */
  readonly bytesMax?: number
  /** A key that seals for longer gets a successor. Default: DEFAULT_KEY_AGE_MS_MAX. */
  readonly keyAgeMsMax?: number
  /** Told when the journal becomes nearly full, and when it is no more. */
  readonly onFill?: (fill: Fill) => void
  /** Told once, when the disk failed: from then on every append is refused as `failed`. */
  readonly onFault?: (failure: JournalError) => void
  /** The operations that make lines durable; only tests of faults replace them. */
  readonly files?: FileOperations
}

/**
 * Opens the journal of a directory, which no one else can do then, and verifies all that it holds.
 * @throws {JournalError} `locked` | `corrupt` | `wrong_instance` | `failed`
 */
export async function openJournal(options: JournalOptions): Promise<Journal> {
  const { dir, segmentBytesMax = DEFAULT_SEGMENT_BYTES_MAX, bytesMax = DEFAULT_BYTES_MAX } = options
  assert(bytesMax >= BYTES_MAX_MIN, `bytesMax is below ${BYTES_MAX_MIN}`)
  await using resources = new AsyncDisposableStack()
  try {
    await createDirectory(dir)
    resources.use(lockDirectory(dir))
    const identity = await identify(dir, options.instanceName)
    const mark = resources.adopt(await ShippedMark.open(dir), (opened) => opened.close())
    const recovered = await recoverSegments(dir, identity, mark.position)
    const logOptions = {
      dir,
      segments: recovered.segments,
      last: recovered.last,
      segmentBytesMax: Math.min(segmentBytesMax, Math.floor(bytesMax / SEGMENTS_MIN)),
      files: options.files ?? nodeFileOperations,
    }
    const log = await SegmentLog.open(logOptions, recovered.lastHash)
    resources.defer(() => log.close())
    const { keyAgeMsMax = DEFAULT_KEY_AGE_MS_MAX, onFault, onFill } = options
    const from = recovered.segments[0]?.firstN ?? 1
    const key = await SealKey.open(dir, identity, from)
    const sealer = new Sealer(key, mark, keyAgeMsMax)
    const room = new JournalRoom({ dir, bytesMax, log, mark, onFill })
    const parts = { dir, onFault, identity, recovered, log, mark, room, sealer }
    return new Journal({ ...parts, resources: resources.move() })
  } catch (error) {
    if (error instanceof JournalError) throw error
    throw new JournalError(
      JournalErrorCode.failed,
      `journal \`${dir}\` can not be opened: ${messageOf(error)}`,
      { cause: error },
    )
  }
}
