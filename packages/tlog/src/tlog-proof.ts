import { decodeBase64, encodeBase64 } from './base64.ts'
import { TlogError, TlogErrorCode } from './errors.ts'
import { checkHash, HASH_BYTES } from './hash.ts'
import { NOTE_BYTES_MAX } from './note.ts'
import { checkSize, parseSize } from './tree-size.ts'
import type { TrustPolicy } from './trust-policy.ts'
import { type TrustedCheckpoint, trustCheckpoint } from './trusted-checkpoint.ts'
import { PROOF_HASHES_MAX, verifyInclusion } from './verify-proof.ts'

/** A receipt that verifies offline: c2sp.org/tlog-proof. */
export interface TlogProof {
  readonly index: number
  readonly hashes: readonly Uint8Array[]
  /** The signed note, as it was given out. */
  readonly checkpoint: string
  /** Beside the proof: nothing vouches for it. */
  readonly extra?: Uint8Array
}

/** More beside the proof is refused: Go's readers take no longer line. */
export const EXTRA_BYTES_MAX = 32 * 1024
const PROOF_CHARACTERS_MAX = 2 * EXTRA_BYTES_MAX + PROOF_HASHES_MAX * 48 + NOTE_BYTES_MAX

const HEADER = 'c2sp.org/tlog-proof@v1'
const EXTRA = 'extra '
const INDEX = 'index '

/** @throws {TlogError} `proof_malformed`, `size_invalid`, `hash_invalid` */
export function formatTlogProof({ index, hashes, checkpoint, extra }: TlogProof): string {
  checkSize(index, 'the index')
  if (hashes.length > PROOF_HASHES_MAX) throw malformed('it has too many hashes')
  for (const hash of hashes) checkHash(hash, 'a hash of the proof')
  if (extra !== undefined && extra.length > EXTRA_BYTES_MAX) {
    throw malformed(`what is beside it is longer than ${EXTRA_BYTES_MAX} bytes`)
  }
  const lines = [
    HEADER,
    ...(extra === undefined ? [] : [`${EXTRA}${encodeBase64(extra)}`]),
    `${INDEX}${index}`,
    ...hashes.map(encodeBase64),
  ]
  return `${lines.join('\n')}\n\n${checkpoint}`
}

/**
 * Reads a receipt without verifying anything.
 * @throws {TlogError} `proof_malformed`
 */
export function parseTlogProof(text: string): TlogProof {
  if (text.length > PROOF_CHARACTERS_MAX) throw malformed('it is too long')
  const separator = text.indexOf('\n\n')
  if (separator < 0) throw malformed('there is no empty line before a checkpoint')
  const [header, ...rest] = text.slice(0, separator).split('\n')
  if (header !== HEADER) throw malformed(`it does not begin with \`${HEADER}\``)
  const extra = rest[0]?.startsWith(EXTRA) ? extraOf(rest.shift() ?? '') : undefined
  const [position = '', ...encoded] = rest
  const index = position.startsWith(INDEX) ? parseSize(position.slice(INDEX.length)) : undefined
  if (index === undefined) throw malformed('it tells no index')
  if (encoded.length > PROOF_HASHES_MAX) throw malformed('it has too many hashes')
  const hashes = encoded.map(parseHash)
  const checkpoint = text.slice(separator + 2)
  return { index, hashes, checkpoint, ...(extra !== undefined && { extra }) }
}

/**
 * Verifies, by nothing but the receipt and whom to believe, that the entry with this hash was
 * logged. With `none` as its quorum, a policy believes the log alone.
 * @throws {TlogError} as `parseTlogProof`, `trustCheckpoint` and `verifyInclusion`
 */
export function verifyTlogProof(
  text: string,
  leafHash: Uint8Array,
  policy: TrustPolicy,
): TrustedCheckpoint & { readonly index: number; readonly extra?: Uint8Array } {
  const { index, hashes, checkpoint, extra } = parseTlogProof(text)
  const trusted = trustCheckpoint(checkpoint, policy)
  verifyInclusion({ index, leafHash }, trusted.checkpoint, hashes)
  return { ...trusted, index, ...(extra !== undefined && { extra }) }
}

function extraOf(line: string): Uint8Array {
  const extra = decodeBase64(line.slice(EXTRA.length))
  if (extra !== undefined && extra.length <= EXTRA_BYTES_MAX) return extra
  throw malformed('what is beside it is not base64, or too long')
}

function parseHash(text: string): Uint8Array {
  const hash = decodeBase64(text)
  if (hash?.length === HASH_BYTES) return hash
  throw malformed('a line of it is no hash')
}

function malformed(what: string): TlogError {
  return new TlogError(TlogErrorCode.proofMalformed, `the receipt is malformed: ${what}`)
}
