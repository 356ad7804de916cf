import { hash } from 'node:crypto'
import type { DecisionRecord } from './decision-record.ts'
import { ContractError, ContractErrorCode } from './errors.ts'
import { type ControlLine, parseControlLine } from './journal-control.ts'
import { isDecision, type JournalRecord } from './journal-event.ts'

/**
 * A journal is text, one record a line, and the same bytes go to disk and over the wire:
 *
 *     <chain hash, 43 characters of base64url> <canonical JSON of the record>\n
 *
 * The chain hash of a line is SHA-256(chain hash of the line before ‖ JSON), so a line that is
 * changed, missing or out of order shows at the next one. A message on the wire has control lines
 * beside them (journal-control.ts), which are not in the chain.
 */
export const CHAIN_HASH_CHARS = 43
/** One line is at most this long, its end included. */
export const JOURNAL_LINE_BYTES_MAX = 64 * 1024
/** One batch on the wire; below the 1 MiB that a NATS server takes by default. */
export const JOURNAL_BATCH_BYTES_MAX = 512 * 1024

/** One line, as it came: `json` is exactly what was hashed. */
export interface JournalLine {
  readonly hash: string
  readonly json: string
  readonly record: JournalRecord
}

/** The line of a decision. */
export interface DecisionLine extends JournalLine {
  readonly record: DecisionRecord
}

export function isDecisionLine(line: JournalLine): line is DecisionLine {
  return isDecision(line.record)
}

/** A message of a journal: records in their order, and what is said about them. */
export interface JournalBatch {
  readonly lines: JournalLine[]
  readonly controls: ControlLine[]
}

/** The chain hash before the first line of an epoch. */
export function genesisHash(instance: string, epoch: number): string {
  return hash('sha256', `verdict journal\n${instance}\n${epoch}\n`, 'base64url')
}

export function chainHash(previous: string, json: string): string {
  return hash('sha256', previous + json, 'base64url')
}

/** The lines of a batch, and its control lines. @throws {ContractError} `malformed_batch` */
export function parseJournalBatch(bytes: Uint8Array): JournalBatch {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
  if (!text.endsWith('\n')) throw malformed('it does not end with a line feed')
  const lines: JournalLine[] = []
  const controls: ControlLine[] = []
  for (const line of text.slice(0, -1).split('\n')) {
    if (line.startsWith('{')) controls.push(controlOf(line))
    else lines.push(parseJournalLine(line))
  }
  return { lines, controls }
}

/** One line without its line feed. @throws {ContractError} `malformed_batch` */
export function parseJournalLine(line: string): JournalLine {
  if (line[CHAIN_HASH_CHARS] !== ' ') throw malformed('a line has no chain hash')
  const json = line.slice(CHAIN_HASH_CHARS + 1)
  try {
    const record = JSON.parse(json) as JournalRecord
    if (!isPlaced(record)) throw malformed('a record has no place in a journal')
    return { hash: line.slice(0, CHAIN_HASH_CHARS), json, record }
  } catch (cause) {
    if (cause instanceof ContractError) throw cause
    throw malformed('a record is not JSON', cause)
  }
}

function controlOf(line: string): ControlLine {
  try {
    return parseControlLine(line)
  } catch (cause) {
    throw malformed('a line is neither a record nor a control line', cause)
  }
}

function isPlaced(record: Partial<JournalRecord> | null): record is JournalRecord {
  return (
    typeof record?.id === 'string' &&
    typeof record.instance === 'string' &&
    Number.isSafeInteger(record.epoch) &&
    Number.isSafeInteger(record.n) &&
    record.v === 1
  )
}

function malformed(why: string, cause?: unknown): ContractError {
  return new ContractError(ContractErrorCode.malformedBatch, `not a journal batch: ${why}`, {
    cause,
  })
}
