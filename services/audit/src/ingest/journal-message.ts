import {
  type ControlLine,
  type DecisionRecord,
  isCanonicalJson,
  isDecision,
  isDecisionId,
  isJournalEvent,
  type JournalBatch,
  type JournalLine,
  type JournalRecord,
  messageOf,
  Outcome,
  parseJournalBatch,
  readLogLeaf,
  subjects,
} from '@verdict/contract'
import { CHAIN_HASH, fitsLeaf } from '../log/leaf.ts'

/** One message of the stream DECISIONS. */
export interface JournalMessage {
  readonly data: Uint8Array
  readonly subject: string
  /** Its sequence in the stream. */
  readonly seq: number
}

/** A message taken apart: lines that may go into the log, and what may not. */
export type JournalContent =
  | { readonly malformed: string }
  | {
      readonly lines: readonly JournalLine[]
      readonly foreign: readonly JournalLine[]
      readonly controls: readonly ControlLine[]
    }

/**
 * Takes a message apart. One line that can't be read makes the whole message malformed: a decision
 * point does not write such lines, so nothing about the message is what it seems.
 */
export function readJournalMessage({ data, subject }: JournalMessage): JournalContent {
  let all: JournalBatch
  try {
    all = parseJournalBatch(data)
  } catch (error) {
    return { malformed: messageOf(error) }
  }
  const lines: JournalLine[] = []
  const foreign: JournalLine[] = []
  for (const line of all.lines) {
    const problem = problemOfLine(line) ?? problemOf(line.record)
    if (problem) return { malformed: `not a journal batch: ${problem}` }
    const own = subjects.journal(line.record.instance) === subject
    if (own) lines.push(line)
    else foreign.push(line)
  }
  const problem = all.controls.map(problemOfControl).find((found) => found !== undefined)
  if (problem) return { malformed: `not a journal batch: ${problem}` }
  return { lines, foreign, controls: all.controls }
}

/** Keys and seals become leaves as they are: whoever verifies the log refuses any but one form. */
function problemOfControl({ kind, json }: ControlLine): string | undefined {
  if (kind !== 'journalKey' && kind !== 'seal') return undefined
  try {
    readLogLeaf(Buffer.from(json), 0)
    return undefined
  } catch (error) {
    return `a ${kind}: ${messageOf(error)}`
  }
}

/** What makes a line a leaf of the log, and tells it from other leaves. */
function problemOfLine(line: JournalLine): string | undefined {
  if (!CHAIN_HASH.test(line.hash)) return 'the chain hash of a line is not one'
  if (!isCanonicalJson(line.json, line.record)) return 'the JSON of a line is not canonical'
  return fitsLeaf(line) ? undefined : 'a line is longer than a journal takes'
}

/** What the index, the search and the subjects rely on. */
function problemOf(record: JournalRecord): string | undefined {
  const { epoch, id, n, time }: Partial<JournalRecord> = record
  if (n < 1 || epoch < 0) return `a record has the place ${epoch}/${n}`
  if (!isDecisionId(id)) return 'the id of a record is not a UUIDv7'
  if (typeof time !== 'string' || Number.isNaN(Date.parse(time))) return 'a record has no time'
  if (isJournalEvent(record)) return undefined
  return isDecision(record) ? problemOfDecision(record) : 'a record has no outcome'
}

function problemOfDecision(record: DecisionRecord): string | undefined {
  const { destination, outcome, principal, request }: Partial<DecisionRecord> = record
  if (!Object.values<unknown>(Outcome).includes(outcome)) return 'a record has no outcome'
  if (typeof principal !== 'string') return 'a record has no principal'
  if (typeof request?.path !== 'string') return 'a record has no path'
  if (typeof destination?.service !== 'string') return 'a record has no destination'
  if (!['string', 'undefined'].includes(typeof destination.namespace)) {
    return 'a record has no readable namespace'
  }
  return undefined
}
