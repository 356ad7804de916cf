import { DECIDED_HEADERS, type DecisionRecord, subjects } from '@verdict/contract'
import { headers, type NatsConnection } from 'nats'
import { connectionState } from './connection-state.ts'

/** One decision that is in the log. */
export interface Decided {
  readonly record: DecisionRecord
  /** Its place in the log. */
  readonly index: number
  /** Its chain hash. */
  readonly hash: string
  /** The record as it was hashed. */
  readonly json: string
}

/**
 * Tells subscribers of a decision that is in the log. Nothing is kept for those who do not listen,
 * nor while the connection is down, when the client would hold messages without bound and lose
 * them at last: the log has them all.
 */
export function publishDecided(nc: NatsConnection, { record, index, hash, json }: Decided): void {
  if (!connectionState(nc).connected) return
  const place = headers()
  place.set(DECIDED_HEADERS.index, String(index))
  place.set(DECIDED_HEADERS.hash, hash)
  nc.publish(subjects.decided(record.outcome, record.destination), json, { headers: place })
}
