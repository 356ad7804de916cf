import { type Checkpoint, parseCheckpoint } from './checkpoint.ts'
import { TlogError, TlogErrorCode } from './errors.ts'
import { EMPTY_ROOT, equalBytes } from './hash.ts'
import { parseNote } from './note.ts'
import type { NoteVerifier } from './note-key.ts'
import { openCheckpoint } from './trusted-checkpoint.ts'
import { verifyConsistency } from './verify-proof.ts'
import { type AddCheckpoint, parseAddCheckpoint } from './witness-request.ts'

/** What a witness knows of one log. */
export interface WitnessedLog {
  /** The keys of the log, each with its origin as its name. */
  readonly keys: readonly NoteVerifier[]
  /** The last checkpoint that the witness cosigned, as a signed note; none at first. */
  readonly latest?: string
}

/** What a witness does about a request; nothing has happened yet. */
export type WitnessVerdict =
  | {
      readonly status: 200
      readonly checkpoint: Checkpoint
      /** To be stored as the latest in exchange for the one before, and only then cosigned. */
      readonly latest: string
    }
  /** The log should ask from the size that the witness knows, which the body tells. */
  | { readonly status: 409; readonly size: number }
  | {
      readonly status: 400 | 403 | 404 | 422
      readonly reason: TlogError
      /** Two notes that the log signed and that cannot both be true. */
      readonly contradiction?: { readonly older: string; readonly newer: string }
    }

/**
 * Decides about a request to cosign, by what the witness knows and nothing else.
 * c2sp.org/tlog-witness tells which status is for what. Only one request of a log may be between
 * this and the storing of its new state: else an older tree could replace a newer one.
 * @throws {TlogError} where what the witness stored of the log is not readable
 */
export function judgeCheckpoint(
  body: string,
  logOf: (origin: string) => WitnessedLog | undefined,
): WitnessVerdict {
  let request: AddCheckpoint
  let claimed: Checkpoint
  try {
    request = parseAddCheckpoint(body)
    claimed = parseCheckpoint(parseNote(request.checkpoint).text)
  } catch (error) {
    return refusal(400, error)
  }
  const log = logOf(claimed.origin)
  if (log === undefined) {
    const message = `this witness does not know the log \`${claimed.origin}\``
    return refusal(404, new TlogError(TlogErrorCode.logUnknown, message))
  }
  try {
    openCheckpoint(request.checkpoint, log.keys)
  } catch (error) {
    return refusal(403, error)
  }
  return judgeSigned(request, claimed, log)
}

function judgeSigned(request: AddCheckpoint, newer: Checkpoint, log: WitnessedLog): WitnessVerdict {
  if (request.oldSize > newer.size) {
    const message = `the old size ${request.oldSize} is beyond the new one ${newer.size}`
    return refusal(400, new TlogError(TlogErrorCode.witnessRequestMalformed, message))
  }
  const older = latestOf(log)
  if (request.oldSize !== older.size) return { status: 409, size: older.size }
  try {
    checkGrowth(older, newer, request.proof)
  } catch (error) {
    const contradicts = newer.size === older.size && !equalBytes(newer.root, older.root)
    return log.latest !== undefined && contradicts
      ? {
          ...refusal(422, error),
          contradiction: { older: log.latest, newer: request.checkpoint },
        }
      : refusal(422, error)
  }
  return { status: 200, checkpoint: newer, latest: request.checkpoint }
}

/** Nothing is proven of the first tree but that it is one. */
function checkGrowth(older: Checkpoint, newer: Checkpoint, proof: readonly Uint8Array[]): void {
  if (older.size > 0 || newer.size === 0) verifyConsistency(older, newer, proof)
  else if (proof.length > 0) {
    throw new TlogError(TlogErrorCode.proofInvalid, 'nothing can be proven from the empty tree')
  }
}

function latestOf(log: WitnessedLog): Checkpoint {
  if (log.latest !== undefined) return parseCheckpoint(parseNote(log.latest).text)
  return { origin: '', size: 0, root: EMPTY_ROOT, extensions: [] }
}

function refusal(
  status: 400 | 403 | 404 | 422,
  reason: unknown,
): { status: 400 | 403 | 404 | 422; reason: TlogError } {
  if (reason instanceof TlogError) return { status, reason }
  throw reason
}
