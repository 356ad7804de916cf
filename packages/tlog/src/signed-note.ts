import { decodeTime } from './cosignature.ts'
import { TlogError, TlogErrorCode } from './errors.ts'
import { equalBytes } from './hash.ts'
import { KeyAlgorithm } from './key-material.ts'
import { formatNote, type Note, type NoteSignature, parseNote } from './note.ts'
import type { NoteSigner, NoteVerifier } from './note-key.ts'

/** A signature that was verified. */
export interface VerifiedSignature extends NoteSignature {
  readonly verifier: NoteVerifier
  /** When it was made, in seconds since 1970, where it says so. */
  readonly seconds?: number
}

/** A note with at least one signature of a known key. */
export interface OpenedNote {
  readonly text: string
  readonly verified: readonly VerifiedSignature[]
  /** By keys that are not known: of no meaning, and kept to be passed on. */
  readonly unknown: readonly NoteSignature[]
}

/**
 * Reads a note and verifies the signatures of the keys that are known; others are ignored.
 * @throws {TlogError} `note_malformed`, `note_key_ambiguous`; `note_signature_invalid` where a
 *   known key has a wrong signature; `note_unverified` where no known key has signed
 */
export function openNote(
  note: Uint8Array | string,
  verifiers: readonly NoteVerifier[],
): OpenedNote {
  return verifyNote(parseNote(note), verifiers)
}

/** @throws {TlogError} as `openNote` */
export function verifyNote(note: Note, verifiers: readonly NoteVerifier[]): OpenedNote {
  const verified: VerifiedSignature[] = []
  const unknown: NoteSignature[] = []
  for (const line of note.signatures) {
    const verifier = verifierOf(line, verifiers)
    if (verifier === undefined) {
      if (!unknown.some((other) => sameLine(other, line))) unknown.push(line)
      continue
    }
    if (verified.some((other) => sameLine(other, line))) continue
    if (!verifier.verify(note.text, line.signature)) {
      throw new TlogError(
        TlogErrorCode.noteSignatureInvalid,
        `the signature of \`${line.name}\` is wrong, and so the note is not to be trusted`,
      )
    }
    verified.push(withTime({ ...line, verifier }))
  }
  if (verified.length > 0) return { text: note.text, verified, unknown }
  throw new TlogError(TlogErrorCode.noteUnverified, 'no key that is known has signed the note')
}

/**
 * The note with the signatures of these signers; those that they made before are replaced.
 * @param seconds when, for signers whose signatures say so
 * @throws {TlogError} `note_malformed`, `cosignature_time_invalid`, `checkpoint_malformed`
 */
export function signNote(
  note: { readonly text: string; readonly signatures?: readonly NoteSignature[] },
  signers: readonly NoteSigner[],
  seconds?: number,
): string {
  const others = (note.signatures ?? []).filter(
    (line) => !signers.some(({ verifier }) => isBy(line, verifier)),
  )
  const own = signers.map((signer) => signatureBy(signer, note.text, seconds))
  const signed = formatNote({ text: note.text, signatures: [...others, ...own] })
  parseNote(signed)
  return signed
}

/** One signature, as a line that can be put below the note. */
export function signatureBy(signer: NoteSigner, text: string, seconds?: number): NoteSignature {
  const { name, keyId } = signer.verifier
  return { name, keyId, signature: signer.sign(text, seconds) }
}

function verifierOf(
  line: NoteSignature,
  verifiers: readonly NoteVerifier[],
): NoteVerifier | undefined {
  const [verifier, another] = verifiers.filter((candidate) => isBy(line, candidate))
  if (another === undefined) return verifier
  throw new TlogError(
    TlogErrorCode.noteKeyAmbiguous,
    `two keys of the name \`${line.name}\` have one id: name one of them only`,
  )
}

function isBy(line: NoteSignature, verifier: NoteVerifier): boolean {
  return line.name === verifier.name && line.keyId === verifier.keyId
}

function sameLine(a: NoteSignature, b: NoteSignature): boolean {
  return a.name === b.name && a.keyId === b.keyId && equalBytes(a.signature, b.signature)
}

function withTime(signature: Omit<VerifiedSignature, 'seconds'>): VerifiedSignature {
  if (signature.verifier.algorithm === KeyAlgorithm.ed25519) return signature
  const seconds = decodeTime(signature.signature)
  return seconds === undefined ? signature : { ...signature, seconds }
}
