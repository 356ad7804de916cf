import { messageOf, PERSONAL_FIELDS, VerdictError } from '@verdict/contract'
import type { TrustPolicy } from '@verdict/tlog'
import { type AuditApi, readFromAudit } from './audit-api.ts'
import type { LoggedDecision } from './query-pages.ts'
import { RECEIPT_BYTES_MAX } from './receipt.ts'
import { verifyReceipt } from './verify-receipt.ts'

/** Receipts that are asked for at a time. */
export const RECEIPTS_AT_ONCE = 8

/** Whether a decision is in the log as it was listed. */
export type Proof =
  | {
      readonly verified: true
      readonly log: { readonly origin: string; readonly leaf: number; readonly size: number }
      /** The `tlog-proof`, for others to verify. */
      readonly receipt: string
    }
  | { readonly verified: false; readonly why: string; readonly receipt?: string }

export interface ProofOptions {
  readonly api: AuditApi
  readonly trust: TrustPolicy
  readonly signal: AbortSignal
}

/** The proofs of decisions, in their order. */
export async function proofsOf(
  decisions: readonly LoggedDecision[],
  options: ProofOptions,
): Promise<Proof[]> {
  const proofs: Proof[] = []
  for (let at = 0; at < decisions.length; at += RECEIPTS_AT_ONCE) {
    const some = decisions.slice(at, at + RECEIPTS_AT_ONCE)
    proofs.push(...(await Promise.all(some.map((each) => proofOf(each, options)))))
  }
  return proofs
}

/** Fetches the receipt, and verifies it offline against the decision that was listed. */
async function proofOf(
  decision: LoggedDecision,
  { api, signal, trust }: ProofOptions,
): Promise<Proof> {
  let receipt: string | undefined
  try {
    const { record } = decision
    const path = `/v1/decisions/${encodeURIComponent(record.id)}/receipt`
    const read = await readFromAudit(api, path, { bytesMax: RECEIPT_BYTES_MAX, signal })
    if (read === undefined) return { verified: false, why: 'the log has no receipt of it' }
    receipt = String(read)
    const leaf = leafOf(decision)
    const proven = verifyReceipt(receipt, trust, leaf)
    if (leaf === undefined && !isSame(decision, proven.record)) {
      return { verified: false, why: 'the log has another record of this id', receipt }
    }
    const { checkpoint, index } = proven
    const { origin, size } = checkpoint
    return { verified: true, log: { origin, leaf: index, size }, receipt }
  } catch (error) {
    if (!(error instanceof VerdictError)) throw error
    return { verified: false, why: messageOf(error), ...(receipt !== undefined && { receipt }) }
  }
}

/**
 * What the log holds of a decision, when it is as it was listed. Records are canonical JSON: read
 * and written again they are the same bytes. Undefined where fields of it were decrypted.
 */
function leafOf({ hash, opened = [], record }: LoggedDecision): Uint8Array | undefined {
  return opened.length > 0 ? undefined : Buffer.from(`${hash} ${JSON.stringify(record)}`)
}

/** Whether two records differ in nothing but the fields that were decrypted in one of them. */
function isSame({ opened = [], record }: LoggedDecision, logged: unknown): boolean {
  const personal: readonly string[] = PERSONAL_FIELDS
  if (!opened.every((field) => personal.includes(field))) return false
  return without(record, opened) === without(logged, opened)
}

function without(record: unknown, fields: readonly string[]): string {
  const copy = structuredClone(record) as Record<string, unknown>
  for (const field of fields) {
    const names = field.split('.')
    const last = names.pop() ?? ''
    const parent = names.reduce<unknown>((part, name) => Object(part)[name], copy)
    if (typeof parent === 'object' && parent !== null) Object.assign(parent, { [last]: null })
  }
  return JSON.stringify(copy)
}
