import { type DecisionRecord, isDecision, parseJournalLine } from '@verdict/contract'
import {
  equalBytes,
  leafHash,
  parseTlogProof,
  type TrustedCheckpoint,
  type TrustPolicy,
  verifyTlogProof,
} from '@verdict/tlog'
import { CliError, CliErrorCode } from '../errors.ts'
import { originIn, trustOfOrigin } from './trusted-log.ts'

/** What a receipt proves. */
export interface ProvenLeaf extends TrustedCheckpoint {
  readonly index: number
  /** The record, where the leaf is that of a decision. */
  readonly record?: DecisionRecord
  /** Otherwise what the leaf is about: `finding`, `erasure`, … */
  readonly kind: string
}

const BRACE = 0x7b
const LINE_FEED = 0x0a

/**
 * Verifies a receipt by itself: the leaf, its path, the checkpoint, whoever has signed it.
 * @param given the leaf, where the receipt does not hold it
 * @throws {CliError} `receipt_leaf_missing`, `receipt_leaf_differs`, `receipt_leaf_unreadable`;
 *   {TlogError} as `verifyTlogProof`
 */
export function verifyReceipt(text: string, trust: TrustPolicy, given?: Uint8Array): ProvenLeaf {
  const { checkpoint, extra } = parseTlogProof(text)
  const leaf = given === undefined ? extra : withoutLineFeed(given)
  if (leaf === undefined) {
    const message =
      'the receipt does not hold its record, which is too long for it: give it by `--leaf`'
    throw new CliError(CliErrorCode.receiptLeafMissing, message)
  }
  if (extra !== undefined && !equalBytes(extra, leaf)) {
    const message = 'the record given by `--leaf` is not the one that the receipt holds'
    throw new CliError(CliErrorCode.receiptLeafDiffers, message)
  }
  const proven = verifyTlogProof(text, leafHash(leaf), trustOfOrigin(trust, originIn(checkpoint)))
  return { ...proven, ...contentOf(leaf) }
}

/** What is verified is what was logged; that it can be read is another matter. */
function contentOf(leaf: Uint8Array): { kind: string; record?: DecisionRecord } {
  const line = Buffer.from(leaf.buffer, leaf.byteOffset, leaf.byteLength).toString('utf8')
  try {
    if (leaf[0] !== BRACE) {
      const { record } = parseJournalLine(line)
      return isDecision(record) ? { kind: 'decision', record } : { kind: 'event' }
    }
    const [kind = 'unknown'] = Object.keys(JSON.parse(line)).filter((key) => key !== 'v')
    return { kind }
  } catch (cause) {
    const message = 'the receipt is valid, but its leaf is no record that this version can read'
    throw new CliError(CliErrorCode.receiptLeafUnreadable, message, { cause })
  }
}

function withoutLineFeed(leaf: Uint8Array): Uint8Array {
  return leaf.at(-1) === LINE_FEED ? leaf.subarray(0, -1) : leaf
}
