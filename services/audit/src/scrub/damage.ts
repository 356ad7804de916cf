import { AuditError, AuditErrorCode } from '../errors.ts'

/** What the disk has of a shard is not what was signed. */
export interface Damage {
  readonly shard: string
  /** The first and the last leaf of the shard that can't be verified because of it. */
  readonly from: number
  readonly to: number
  readonly what: string
}

/** Why nothing is added to the log, and what to do. */
export function damageError({ from, shard, to, what }: Damage): AuditError {
  return new AuditError(
    AuditErrorCode.damageUnmended,
    `the log is damaged in shard \`${shard}\`, leaves ${from} to ${to}: ${what}; nothing is ` +
      'added until its files are restored from a copy, which is noticed without a restart',
  )
}
