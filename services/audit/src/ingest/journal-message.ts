import {
  type DecisionRecord,
  isDecisionId,
  type JournalLine,
  messageOf,
  Outcome,
  parseJournalBatch,
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
  | { readonly lines: readonly JournalLine[]; readonly foreign: readonly JournalLine[] }

/**
 * Takes a message apart. One line that can't be read makes the whole message malformed: a decision
 * point does not write such lines, so nothing about the message is what it seems.
 */
export function readJournalMessage({ data, subject }: JournalMessage): JournalContent {
  let all: JournalLine[]
  try {
    all = parseJournalBatch(data)
  } catch (error) {
    return { malformed: messageOf(error) }
  }
  const lines: JournalLine[] = []
  const foreign: JournalLine[] = []
  for (const line of all) {
    const problem = problemOfLine(line) ?? problemOf(line.record)
    if (problem) return { malformed: `not a journal batch: ${problem}` }
    const own = subjects.journal(line.record.instance) === subject
    if (own) lines.push(line)
    else foreign.push(line)
  }
  return { lines, foreign }
}

/** What makes a line a leaf of the log, and tells it from other leaves. */
function problemOfLine(line: JournalLine): string | undefined {
  if (!CHAIN_HASH.test(line.hash)) return 'the chain hash of a line is not one'
  return fitsLeaf(line) ? undefined : 'a line is longer than a journal takes'
}

/** What the index, the search and the subjects rely on. */
function problemOf(record: DecisionRecord): string | undefined {
  const { destination, epoch, id, n, outcome, principal, request, time }: Partial<DecisionRecord> =
    record
  if (n < 1 || epoch < 0) return `a record has the place ${epoch}/${n}`
  if (!isDecisionId(id)) return 'the id of a record is not a UUIDv7'
  if (typeof time !== 'string' || Number.isNaN(Date.parse(time))) return 'a record has no time'
  if (!Object.values<unknown>(Outcome).includes(outcome)) return 'a record has no outcome'
  if (typeof principal !== 'string') return 'a record has no principal'
  if (typeof request?.path !== 'string') return 'a record has no path'
  if (typeof destination?.service !== 'string') return 'a record has no destination'
  if (!['string', 'undefined'].includes(typeof destination.namespace)) {
    return 'a record has no readable namespace'
  }
  return undefined
}
