import { decodeBase64, encodeBase64 } from './base64.ts'
import { TlogError, TlogErrorCode } from './errors.ts'
import { checkHash, HASH_BYTES } from './hash.ts'
import {
  formatNote,
  formatSignatures,
  NOTE_BYTES_MAX,
  type NoteSignature,
  parseNote,
  parseSignatures,
} from './note.ts'
import type { NoteVerifier } from './note-key.ts'
import { type VerifiedSignature, verifyNote } from './signed-note.ts'
import { checkSize, parseSize } from './tree-size.ts'
import { PROOF_HASHES_MAX } from './verify-proof.ts'

/** The texts that a log and a witness exchange: c2sp.org/tlog-witness. */
export const ADD_CHECKPOINT_PATH = 'add-checkpoint'
/** The media type in which a witness tells the size that it knows. */
export const SIZE_MEDIA_TYPE = 'text/x.tlog.size'
/** A longer body is refused. */
export const ADD_CHECKPOINT_BYTES_MAX: number = NOTE_BYTES_MAX + PROOF_HASHES_MAX * 48

export interface AddCheckpoint {
  /** The size of the last tree that the log thinks the witness signed. */
  readonly oldSize: number
  readonly proof: readonly Uint8Array[]
  /** The signed note of the newer tree. */
  readonly checkpoint: string
}

const OLD = 'old '

/** @throws {TlogError} `witness_request_malformed`, `size_invalid`, `hash_invalid` */
export function formatAddCheckpoint({ oldSize, proof, checkpoint }: AddCheckpoint): string {
  checkSize(oldSize, 'the old size')
  if (proof.length > PROOF_HASHES_MAX) throw malformed('its proof has too many hashes')
  for (const hash of proof) checkHash(hash, 'a hash of the proof')
  return `${[`${OLD}${oldSize}`, ...proof.map(encodeBase64)].join('\n')}\n\n${checkpoint}`
}

/** @throws {TlogError} `witness_request_malformed` */
export function parseAddCheckpoint(body: string): AddCheckpoint {
  if (body.length > ADD_CHECKPOINT_BYTES_MAX) throw malformed('it is too long')
  const separator = body.indexOf('\n\n')
  if (separator < 0) throw malformed('there is no empty line before a checkpoint')
  const [first = '', ...encoded] = body.slice(0, separator).split('\n')
  const oldSize = first.startsWith(OLD) ? parseSize(first.slice(OLD.length)) : undefined
  if (oldSize === undefined) throw malformed('it tells no old size')
  if (encoded.length > PROOF_HASHES_MAX) throw malformed('its proof has too many hashes')
  const proof = encoded.map((line) => {
    const hash = decodeBase64(line)
    if (hash?.length === HASH_BYTES) return hash
    throw malformed('a line of its proof is no hash')
  })
  return { oldSize, proof, checkpoint: body.slice(separator + 2) }
}

/** The body in which a witness tells that the log should ask from another size. */
export function formatKnownSize(size: number): string {
  checkSize(size, 'the size')
  return `${size}\n`
}

/** @throws {TlogError} `witness_answer_invalid` */
export function parseKnownSize(body: string): number {
  const size = body.endsWith('\n') ? parseSize(body.slice(0, -1)) : undefined
  if (size !== undefined) return size
  throw new TlogError(TlogErrorCode.witnessAnswerInvalid, 'the witness told no size that it knows')
}

/** The body of a witness that has cosigned. */
export function formatCosignatures(signatures: readonly NoteSignature[]): string {
  return formatSignatures(signatures)
}

/**
 * The cosignatures of a witness, verified; those by keys that are not its own are left out.
 * @throws {TlogError} `witness_answer_invalid`
 */
export function openCosignatures(
  body: string,
  checkpoint: string,
  witnessKeys: readonly NoteVerifier[],
): readonly VerifiedSignature[] {
  try {
    const { text } = parseNote(checkpoint)
    if (!body.endsWith('\n')) throw malformed('it does not end with a line end')
    return verifyNote({ text, signatures: parseSignatures(body) }, witnessKeys).verified
  } catch (error) {
    if (!(error instanceof TlogError)) throw error
    throw new TlogError(
      TlogErrorCode.witnessAnswerInvalid,
      `the witness did not cosign the checkpoint: ${error.message}`,
      { cause: error },
    )
  }
}

/** A signed note with further signatures; one that it has already is not added again. */
export function addSignatures(note: string, signatures: readonly NoteSignature[]): string {
  const { text, signatures: present } = parseNote(note)
  const lines = new Set(present.map((line) => formatSignatures([line])))
  const added = signatures.filter((line) => !lines.has(formatSignatures([line])))
  return formatNote({ text, signatures: [...present, ...added] })
}

function malformed(what: string): TlogError {
  return new TlogError(TlogErrorCode.witnessRequestMalformed, `the request is malformed: ${what}`)
}
