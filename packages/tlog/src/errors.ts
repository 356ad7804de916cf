import { VerdictError } from '@verdict/contract'

export const TlogErrorCode = {
  /** A size of a tree, an index or a range is no whole number below 2^53, or does not fit. */
  sizeInvalid: 'size_invalid',
  /** A hash is not 32 bytes long. */
  hashInvalid: 'hash_invalid',
  /** An entry is longer than an entry bundle can hold: 65,535 bytes. */
  entryTooLarge: 'entry_too_large',
  /** The log has grown by more than may wait in memory: take the growth and write it first. */
  growthNotTaken: 'growth_not_taken',
  /** A path names no tile and no entry bundle of a log. */
  tilePathInvalid: 'tile_path_invalid',
  /** The bytes of an entry bundle are not the entries that it should hold. */
  entriesMalformed: 'entries_malformed',
  /** A tile or an entry bundle is not the one that the root of the tree stands for. */
  tileInvalid: 'tile_invalid',
  /** A proof of inclusion or of consistency does not prove what it claims. */
  proofInvalid: 'proof_invalid',
  /** A text that claims to be a receipt (`tlog-proof@v1`) is not one. */
  proofMalformed: 'proof_malformed',
  /** A text that claims to be a signed note is not one, or is longer than notes may be. */
  noteMalformed: 'note_malformed',
  /** A key of a log or a witness is not in the form of signed notes, or contradicts itself. */
  noteKeyMalformed: 'note_key_malformed',
  /** Two of the keys to verify a note with have the same name and id. */
  noteKeyAmbiguous: 'note_key_ambiguous',
  /** A note has a signature by a key that is known, and the signature is wrong. */
  noteSignatureInvalid: 'note_signature_invalid',
  /** A note has no signature by any key that is known. */
  noteUnverified: 'note_unverified',
  /** A signature that states a time was asked for without one, or with one that cannot be. */
  cosignatureTimeInvalid: 'cosignature_time_invalid',
  /** The text of a note is no checkpoint. */
  checkpointMalformed: 'checkpoint_malformed',
  /** A checkpoint is not signed by a log that the policy of trust knows under its origin. */
  logUnknown: 'log_unknown',
  /** A policy of trust (`tlog-policy`) is malformed. */
  trustPolicyMalformed: 'trust_policy_malformed',
  /** Too few of the witnesses that a policy of trust asks for have signed a checkpoint. */
  quorumMissing: 'quorum_missing',
  /** The body of a request to a witness is malformed. */
  witnessRequestMalformed: 'witness_request_malformed',
  /** The answer of a witness holds no cosignature of its own on the checkpoint. */
  witnessAnswerInvalid: 'witness_answer_invalid',
  /** A file that claims to prove that a log contradicts itself is malformed. */
  evidenceMalformed: 'evidence_malformed',
  /** A file that claims to prove that a log contradicts itself does not prove it. */
  evidenceInvalid: 'evidence_invalid',
} as const
export type TlogErrorCode = (typeof TlogErrorCode)[keyof typeof TlogErrorCode]

/** Entries of a log, both ends included. */
export interface EntryRange {
  readonly from: number
  readonly to: number
}

export class TlogError extends VerdictError<TlogErrorCode> {
  override readonly name = 'TlogError'
  /** Of a tile or a bundle that is wrong: the entries that can't be verified because of it. */
  readonly entries?: EntryRange

  constructor(
    code: TlogErrorCode,
    message: string,
    options: { readonly cause?: unknown; readonly entries?: EntryRange } = {},
  ) {
    super(code, message, options)
    if (options.entries !== undefined) this.entries = options.entries
  }
}
