import {
  equalBytes,
  type TiledTree,
  TlogError,
  type TrustPolicy,
  trustCheckpoint,
} from '@verdict/tlog'
import { AuditError, AuditErrorCode } from '../errors.ts'
import type { SignedHead } from '../log/recovery.ts'

/** What the witnesses need of a log. */
export interface LogToWitness {
  readonly published: SignedHead
  readonly verifierKey: string
  verified(): Promise<TiledTree>
  /** @throws {AuditError} `lock_lost` */
  verifyHeld(): void
  /** The witnessed checkpoint that was kept last. */
  witnessed(): string | undefined
  keepWitnessed(note: string): void
}

/**
 * What was witnessed before this process, where it is by this policy.
 * @throws {AuditError} `log_older`, `log_damaged`
 */
export async function recallWitnessed(
  log: LogToWitness,
  trust: TrustPolicy,
): Promise<SignedHead | undefined> {
  const note = log.witnessed()
  const head = note && trusted(note, trust)
  if (!head) return undefined
  if (head.size > log.published.size) {
    throw new AuditError(
      AuditErrorCode.logOlder,
      `${head.size} entries were witnessed, and the log has ${log.published.size}: this is a ` +
        'restored backup; restore the newest copy of all of it',
    )
  }
  if (equalBytes(await (await log.verified()).rootAt(head.size), head.root)) return head
  const what = `the witnessed checkpoint of ${head.size} entries is of another log`
  throw new AuditError(AuditErrorCode.logDamaged, `${what}: restore the data directory`)
}

function trusted(note: string, trust: TrustPolicy): SignedHead | undefined {
  try {
    return { ...trustCheckpoint(note, trust).checkpoint, note }
  } catch (error) {
    // The policy was changed, and wants more than was asked for then.
    if (error instanceof TlogError) return undefined
    throw error
  }
}
