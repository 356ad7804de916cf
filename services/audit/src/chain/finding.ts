/** What can be wrong with the journals that arrive. Low in cardinality: it is a metric label. */
export const FindingKind = {
  /** Records are missing before one that is here; resolved when the last of them has arrived. */
  gap: 'gap',
  /** A second, different line claims the place of one that is in the log. */
  conflict: 'conflict',
  /** The chain hash of a line does not follow from the line before it. */
  brokenChain: 'broken_chain',
  /** Lines of one decision point came under the subject of another; they are not in the log. */
  foreignInstance: 'foreign_instance',
  /** A message on the stream is no batch of records; nothing of it is in the log. */
  malformedBatch: 'malformed_batch',
  /** Records came without a seal of their decision point; they are in the log. */
  unsealed: 'unsealed',
  /** Records came with a seal that does not hold; they are in the log. */
  badSeal: 'bad_seal',
  /** A key of a decision point that nobody vouches for: what it seals does not count as sealed. */
  unendorsedKey: 'unendorsed_key',
  /** The stream is not as declared, or gone; resolved when it is as declared again. */
  streamWeakened: 'stream_weakened',
  /** A witness says that the log is not the one that it knows; resolved when it cosigns again. */
  witnessContradiction: 'witness_contradiction',
  /** Files of the log are not what was signed; resolved when they are restored. */
  logDamaged: 'log_damaged',
} as const
export type FindingKind = (typeof FindingKind)[keyof typeof FindingKind]

/** One thing that is wrong, with its place. Findings are never deleted. */
export interface Finding {
  readonly id: number
  readonly kind: FindingKind
  /** Of the decision point; absent where the message does not tell. */
  readonly instance?: string
  readonly epoch?: number
  /** The first and the last place, both included. */
  readonly from?: number
  readonly to?: number
  /** The sequence in the stream DECISIONS of the message that showed it. */
  readonly seq: number
  readonly detail: string
  /** RFC 3339. */
  readonly noticedAt: string
  /** RFC 3339; only a gap can be resolved. */
  readonly resolvedAt?: string
}

/** Something that goes on being wrong until it is mended; it is a finding once each time. */
export interface Alarm {
  readonly kind: FindingKind
  /** Tells one from another of its kind, without spaces. */
  readonly subject: string
  readonly detail: string
  /** The bytes that show it. */
  readonly evidence?: Uint8Array
}

/** A finding before it is written down. */
export interface NewFinding extends Omit<Finding, 'id' | 'noticedAt' | 'resolvedAt'> {
  /** Tells one thing from another, so that a redelivery of its message does not report it twice. */
  readonly key: string
  /** The bytes that are not in the log, kept as they came. */
  readonly evidence?: Uint8Array
}
