import { isDecision, type JournalRecord, subjects } from '@verdict/contract'
import type { NatsConnection } from 'nats'
import { connectionState } from './connection-state.ts'
import { eventHeaders, type Logged } from './event-headers.ts'

/** One record that is in the log: a decision, or an event of a decision point. */
export interface Decided extends Logged {
  /** The record as it was hashed. */
  readonly json: string
}

/**
 * Tells subscribers of a record that is in the log: at once who listens, and the stream DECIDED for
 * who reads later. It waits for nobody. While the connection is down nothing is told, when the
 * client would hold messages without bound and lose them at last: the log has them all.
 */
export function publishDecided(nc: NatsConnection, { json, ...logged }: Decided): void {
  if (!connectionState(nc).connected) return
  nc.publish(subjectOf(logged.record), json, { headers: eventHeaders(logged) })
}

function subjectOf(record: JournalRecord): string {
  if (isDecision(record)) return subjects.decided(record.outcome, record.destination)
  return subjects.happened(KINDS.find((kind) => kind in record) ?? 'unknown')
}

const KINDS = ['activation', 'dropped', 'gap']
