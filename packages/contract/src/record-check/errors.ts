import { VerdictError } from '../errors.ts'

export const ContradictionErrorCode = {
  /** A leaf of the log is neither a line of a journal nor an object, in canonical JSON. */
  leafMalformed: 'leaf_malformed',
  /** A record's chain hash does not follow from the one before, and no finding says so. */
  chainBroken: 'chain_broken',
  /** The log holds two records for one place of a journal. */
  placeTwice: 'place_twice',
  /** Records of a journal are missing, and no finding of the log says so. */
  gapHidden: 'gap_hidden',
  /** A finding of the log says what its records show to be otherwise. */
  findingFalse: 'finding_false',
  /** The evidence of a finding is not there, or not the bytes that the finding tells of. */
  evidenceDiffers: 'evidence_differs',
  /** A seal is not by a key of its journal, or for another record. */
  sealWrong: 'seal_wrong',
  /** Records that should be sealed are not, and no finding says so: they may be made up. */
  recordUnsealed: 'record_unsealed',
  /** The key of a journal has not the signature, or not the place, that it should have. */
  keyUnendorsed: 'key_unendorsed',
  /** A shard does not go on where the one before it ended. */
  shardsApart: 'shards_apart',
} as const
export type ContradictionErrorCode =
  (typeof ContradictionErrorCode)[keyof typeof ContradictionErrorCode]

/** The log contradicts itself in these leaves, both ends included. */
export class LogContradiction extends VerdictError<ContradictionErrorCode> {
  override readonly name = 'LogContradiction'
  readonly from: number
  readonly to: number

  constructor(
    code: ContradictionErrorCode,
    message: string,
    leaves: { readonly from: number; readonly to: number },
    options?: { cause?: unknown },
  ) {
    super(code, message, options)
    this.from = leaves.from
    this.to = leaves.to
  }
}

export const RecordCheckErrorCode = {
  /** The log has more journals, or more gaps, than can be verified in one go. */
  checkTooLarge: 'check_too_large',
} as const
export type RecordCheckErrorCode = (typeof RecordCheckErrorCode)[keyof typeof RecordCheckErrorCode]

export class RecordCheckError extends VerdictError<RecordCheckErrorCode> {
  override readonly name = 'RecordCheckError'
}
