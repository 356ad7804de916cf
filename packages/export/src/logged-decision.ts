import type { DecisionRecord } from '@verdict/contract'

/** A decision as the log has it. */
export interface LoggedDecision {
  /** Its number in the log, from 1. */
  readonly index: number
  /** Its chain hash. */
  readonly hash: string
  /** The log, or its shard, and the leaf there; absent where nobody has said it. */
  readonly origin?: string
  readonly leaf?: number
  /** The personal fields that were decrypted: in the log they are encrypted. */
  readonly opened?: readonly string[]
  readonly record: DecisionRecord
}

/** A service with its namespace, where it has one: `shop/payments`. */
export function destinationName({ destination }: Pick<DecisionRecord, 'destination'>): string {
  const { namespace, service } = destination
  return namespace === undefined ? service : `${namespace}/${service}`
}

/** Whether the caller was let through: allowed, or denied in a dry run. */
export function isLetThrough({ enforced, outcome }: DecisionRecord): boolean {
  return outcome === 'allow' || enforced === false
}

/** An object without what is undefined, at every depth; undefined where nothing is left of it. */
export function present(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const entries = Object.entries(fields).flatMap(([name, value]) => {
    const kept = isPlain(value) ? present(value) : value
    const isEmpty = kept === undefined || (isPlain(kept) && Object.keys(kept).length === 0)
    return isEmpty ? [] : [[name, kept] as const]
  })
  return Object.fromEntries(entries)
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
