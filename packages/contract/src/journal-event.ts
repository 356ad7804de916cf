import type { DecisionRecord, Outcome } from './decision-record.ts'
import type { DecisionId } from './ids.ts'
import type { JournalPosition } from './journal-position.ts'

/** Records that the decision point could not keep, counted. */
export interface GapEvent {
  /** Of decisions that were answered without a record: their class is `best_effort`. */
  readonly gap: {
    readonly count: number
    /** The code of the journal's error. */
    readonly reason: string
    /** When the first and the last of them were dropped, RFC 3339. */
    readonly since: string
    readonly until: string
  }
}

/** A bundle, or a folder of policies, is in force from here on. */
export interface ActivationEvent {
  readonly activation: {
    /** The name of the bundle; absent where the policies are a folder's. */
    readonly bundle?: string
    /** SHA-256 of the archive, in hexadecimal. */
    readonly digest?: string
    /** The pointer that approved it, as a JWS in its compact form. */
    readonly pointer?: string
    readonly revision: string
    /** Of the pointer. */
    readonly serial?: number
  }
}

/** A decision whose record the policy has dropped. */
export interface DroppedEvent {
  readonly dropped: { readonly count: 1; readonly outcome: Outcome }
}

export type JournalEventBody = GapEvent | ActivationEvent | DroppedEvent

/** What happened to a decision point, between its decisions and in the same chain. */
export type JournalEvent = JournalPosition & {
  readonly id: DecisionId
  /** RFC 3339, UTC, with ms. */
  readonly time: string
  readonly v: 1
} & JournalEventBody

/** What stands in a journal: a decision, or an event of its decision point. */
export type JournalRecord = DecisionRecord | JournalEvent

/** Only decisions have an outcome. */
export function isDecision(record: JournalRecord): record is DecisionRecord {
  return 'outcome' in record
}

/** Whether it has what an event has, exactly one of it, and no outcome. */
export function isJournalEvent(record: JournalRecord): record is JournalEvent {
  if (isDecision(record)) return false
  const { gap, activation, dropped }: Partial<GapEvent & ActivationEvent & DroppedEvent> = record
  const kinds = [
    gap !== undefined && isCount(gap?.count),
    activation !== undefined && typeof activation?.revision === 'string',
    dropped !== undefined && isCount(dropped?.count),
  ]
  const named = [gap, activation, dropped].filter((body) => body !== undefined)
  return named.length === 1 && kinds.includes(true)
}

function isCount(count: unknown): boolean {
  return Number.isSafeInteger(count) && Number(count) > 0
}

/** How many decisions have no record because of this one. */
export function droppedBy(record: JournalRecord): number {
  if ('gap' in record) return record.gap.count
  return 'dropped' in record ? record.dropped.count : 0
}

/** A text of an event is cut here; only the pointer of an activation is long, and has its bound. */
const EVENT_TEXT_CHARS_MAX = 512
/** A longer pointer is left out: the digest and the serial still name it. */
const POINTER_CHARS_MAX = 16 * 1024

/** The canonical JSON of an event (RFC 8785): keys in sorted order, whole numbers, texts. */
export function encodeEvent(
  { id, time }: { readonly id: DecisionId; readonly time: string },
  body: JournalEventBody,
  { epoch, instance, n }: JournalPosition,
): string {
  return JSON.stringify({
    ...('activation' in body ? { activation: activationOf(body.activation) } : undefined),
    ...('dropped' in body
      ? { dropped: { count: body.dropped.count, outcome: body.dropped.outcome } }
      : undefined),
    epoch,
    ...('gap' in body ? { gap: gapOf(body.gap) } : undefined),
    ...{ id, instance, n, time, v: 1 },
  })
}

function activationOf(activation: ActivationEvent['activation']): object {
  const { bundle, digest, pointer, revision, serial } = activation
  return {
    bundle: cut(bundle),
    digest: cut(digest),
    pointer: pointer !== undefined && pointer.length > POINTER_CHARS_MAX ? undefined : pointer,
    revision: cut(revision),
    serial,
  }
}

function gapOf({ count, reason, since, until }: GapEvent['gap']): object {
  return { count, reason: cut(reason), since, until }
}

function cut(text: string | undefined): string | undefined {
  if (text === undefined) return undefined
  return text.slice(0, EVENT_TEXT_CHARS_MAX).toWellFormed()
}
