import { decodeBase64, encodeBase64 } from './base64.ts'
import { type Checkpoint, parseCheckpoint } from './checkpoint.ts'
import { TlogError, TlogErrorCode } from './errors.ts'
import { EMPTY_ROOT, equalBytes, HASH_BYTES } from './hash.ts'
import { NOTE_BYTES_MAX, parseNote } from './note.ts'
import type { NoteVerifier } from './note-key.ts'
import type { TiledTree } from './tiled-tree.ts'
import { openCheckpoint } from './trusted-checkpoint.ts'
import { PROOF_HASHES_MAX, provenOlderRoot, verifyConsistency } from './verify-proof.ts'

/**
 * Proves that a log signed two trees that cannot both be its own: the newer one begins with
 * `prefixRoot` where the older one says that it has another root. Where both have one size, the
 * root of the newer one is that prefix, and the proof is empty.
 */
export interface Contradiction {
  /** The signed notes, as the log gave them out. */
  readonly older: string
  readonly newer: string
  readonly prefixRoot: Uint8Array
  readonly proof: readonly Uint8Array[]
}

const FORMAT = 'verdict/tlog-contradiction@v1'
const EVIDENCE_CHARACTERS_MAX = 4 * NOTE_BYTES_MAX

/**
 * The contradiction between two checkpoints of one log, or `undefined` where there is none.
 * @param newerTree the tiles that the log shows for the larger tree
 */
export async function findContradiction(
  older: string,
  newer: string,
  newerTree: TiledTree,
): Promise<Contradiction | undefined> {
  const [first, second] = [headOf(older), headOf(newer)]
  if (first.origin !== second.origin) return undefined
  if (first.size === second.size) return contradictionOfEqualSize(older, newer)
  if (first.size > second.size) return await findContradiction(newer, older, newerTree)
  const { head } = newerTree
  if (head.size !== second.size || !equalBytes(head.root, second.root)) {
    throw invalid('the tiles are not those of the newer checkpoint')
  }
  const prefixRoot = await newerTree.rootAt(first.size)
  if (equalBytes(prefixRoot, first.root)) return undefined
  const proof = first.size > 0 ? await newerTree.consistencyProof(first.size) : []
  return { older, newer, prefixRoot, proof }
}

/** As `findContradiction`, for checkpoints of one size, where no tile is needed. */
export function contradictionOfEqualSize(older: string, newer: string): Contradiction | undefined {
  const [first, second] = [headOf(older), headOf(newer)]
  const comparable = first.origin === second.origin && first.size === second.size
  if (!comparable || equalBytes(first.root, second.root)) return undefined
  if (first.size > 0) return { older, newer, prefixRoot: second.root, proof: [] }
  // What an empty tree looks like is known: the one that looks otherwise is the lie.
  return equalBytes(first.root, EMPTY_ROOT)
    ? { older: newer, newer: older, prefixRoot: EMPTY_ROOT, proof: [] }
    : { older, newer, prefixRoot: EMPTY_ROOT, proof: [] }
}

/**
 * As `findContradiction`, by a proof that came with the newer checkpoint instead of tiles: one that
 * leads to it from another root than the older checkpoint has, as a log gives it that has
 * rewritten its past. Sizes that are powers of two are not found out this way, nor is a newer
 * checkpoint of a smaller size.
 */
export function contradictionOfProof(
  older: string,
  newer: string,
  proof: readonly Uint8Array[],
): Contradiction | undefined {
  const [first, second] = [headOf(older), headOf(newer)]
  if (first.origin !== second.origin) return undefined
  if (first.size === second.size) return contradictionOfEqualSize(older, newer)
  const prefixRoot = provenOlderRoot(first.size, second, proof)
  if (prefixRoot === undefined || equalBytes(prefixRoot, first.root)) return undefined
  return { older, newer, prefixRoot, proof }
}

/**
 * Verifies, by the keys of the log alone, that it contradicted itself.
 * @throws {TlogError} `evidence_invalid`
 */
export function verifyContradiction(
  { older, newer, prefixRoot, proof }: Contradiction,
  logKeys: readonly NoteVerifier[],
): { readonly older: Checkpoint; readonly newer: Checkpoint } {
  try {
    const first = openCheckpoint(older, logKeys).checkpoint
    const second = openCheckpoint(newer, logKeys).checkpoint
    if (first.origin !== second.origin) throw invalid('the checkpoints are of two logs')
    if (equalBytes(prefixRoot, first.root)) throw invalid('the checkpoints agree')
    if (first.size > 0) verifyConsistency({ ...first, root: prefixRoot }, second, proof)
    else if (!equalBytes(prefixRoot, EMPTY_ROOT)) throw invalid('an empty tree has no such root')
    return { older: first, newer: second }
  } catch (error) {
    if (!(error instanceof TlogError) || error.code === TlogErrorCode.evidenceInvalid) throw error
    throw invalid(error.message, error)
  }
}

/** As a file to be kept and handed on. */
export function formatContradiction(contradiction: Contradiction): string {
  const { older, newer, prefixRoot, proof } = contradiction
  const file = {
    format: FORMAT,
    older,
    newer,
    prefixRoot: encodeBase64(prefixRoot),
    proof: proof.map(encodeBase64),
  }
  return `${JSON.stringify(file, undefined, 2)}\n`
}

/** @throws {TlogError} `evidence_malformed` */
export function parseContradiction(text: string): Contradiction {
  if (text.length > EVIDENCE_CHARACTERS_MAX) throw malformed('it is too long')
  let file: Record<string, unknown>
  try {
    file = { ...JSON.parse(text) }
  } catch (error) {
    throw malformed('it is not JSON', error)
  }
  const { format, older, newer, prefixRoot, proof } = file
  if (format !== FORMAT) throw malformed(`its format is not \`${FORMAT}\``)
  if (typeof older !== 'string' || typeof newer !== 'string') throw malformed('it lacks a note')
  if (!Array.isArray(proof) || proof.length > PROOF_HASHES_MAX) throw malformed('it has no proof')
  return { older, newer, prefixRoot: hashOf(prefixRoot), proof: proof.map(hashOf) }
}

function headOf(note: string): Checkpoint {
  return parseCheckpoint(parseNote(note).text)
}

function hashOf(value: unknown): Uint8Array {
  const hash = typeof value === 'string' ? decodeBase64(value) : undefined
  if (hash?.length === HASH_BYTES) return hash
  throw malformed('a hash of it is none')
}

function malformed(what: string, cause?: unknown): TlogError {
  return new TlogError(TlogErrorCode.evidenceMalformed, `the evidence is malformed: ${what}`, {
    cause,
  })
}

function invalid(what: string, cause?: unknown): TlogError {
  return new TlogError(TlogErrorCode.evidenceInvalid, `nothing is proven: ${what}`, { cause })
}
