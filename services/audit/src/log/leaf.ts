import { hash } from 'node:crypto'
import {
  type JournalKey,
  type JournalLine,
  parseControlLine,
  parseJournalLine,
  type Seal,
} from '@verdict/contract'
import { ENTRY_BYTES_MAX } from '@verdict/tlog'
import type { FindingKind, NewFinding } from '../chain/finding.ts'
import { canonicalJson } from './canonical-json.ts'
import { type Note, noteOf } from './note.ts'

/**
 * What the log consists of. A decision, or an event of a decision point, is the line of its journal
 * without the line end, chain hash and JSON; a `journalKey` or `seal` is its line as well; everything
 * else is an object of canonical JSON (RFC 8785) that begins with `{`, which no chain hash does.
 * Kinds that this version does not know are `unknown`, and passed over.
 *
 * How to add a kind of leaf stands at the top of `note.ts`: `store.note(kind, body)` writes one.
 */
export type Leaf =
  | { readonly kind: 'decision'; readonly line: JournalLine }
  | { readonly kind: 'finding'; readonly finding: LoggedFinding }
  /** A part of the bytes that the last finding before it is about. */
  | { readonly kind: 'evidence'; readonly bytes: Uint8Array }
  | { readonly kind: 'resolved'; readonly resolved: Resolved }
  | { readonly kind: 'journalKey'; readonly journalKey: JournalKey }
  | { readonly kind: 'seal'; readonly seal: Seal }
  | { readonly kind: 'note'; readonly note: Note }
  | { readonly kind: 'unknown' }

/** A finding as it is on the record. */
export interface LoggedFinding extends Omit<NewFinding, 'evidence'> {
  readonly noticedAt: string
  /** The bytes are in the leaves that follow. */
  readonly evidence?: { readonly bytes: number; readonly leaves: number; readonly sha256: string }
}

/** What was missing has arrived. */
export interface Resolved {
  /** Of the finding. */
  readonly key: string
  readonly at: string
}

export const CHAIN_HASH = /^[A-Za-z0-9_-]{43}$/
const BRACE = 0x7b
const CHAIN_HASH_CHARS = 43
const VERSION = 1
/** Of a UTF-16 unit in UTF-8. */
const UNIT_BYTES_MAX = 3
/** A leaf holds this much of evidence, which grows by a third as base64. */
const EVIDENCE_BYTES_PER_LEAF = 48_000

/** The leaf of a decision. */
export function decisionLeaf({ hash: chained, json }: JournalLine): Uint8Array {
  return Buffer.from(`${chained} ${json}`)
}

/** Whether a line can be a leaf: long enough for every line that a journal takes. */
export function fitsLeaf({ json }: JournalLine): boolean {
  const bytesMax = ENTRY_BYTES_MAX - CHAIN_HASH_CHARS - 1
  // Most lines are short enough however long their characters are.
  return json.length * UNIT_BYTES_MAX <= bytesMax || Buffer.byteLength(json) <= bytesMax
}

/** The leaves of a finding: itself, then its evidence. */
export function findingLeaves(finding: NewFinding, noticedAt: string): Uint8Array[] {
  const { evidence, ...rest } = finding
  if (evidence === undefined) return [encode({ finding: { ...rest, noticedAt } })]
  const parts: Uint8Array[] = []
  for (let at = 0; at < evidence.length; at += EVIDENCE_BYTES_PER_LEAF) {
    const part = Buffer.from(evidence.subarray(at, at + EVIDENCE_BYTES_PER_LEAF))
    parts.push(encode({ evidence: part.toString('base64') }))
  }
  const about = { bytes: evidence.length, leaves: parts.length, sha256: sha256(evidence) }
  return [encode({ finding: { ...rest, noticedAt, evidence: about } }), ...parts]
}

export function resolvedLeaf(resolved: Resolved): Uint8Array {
  return encode({ resolved })
}

export function readLeaf(bytes: Uint8Array): Leaf {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
  if (bytes[0] !== BRACE) return { kind: 'decision', line: parseJournalLine(text) }
  const body = JSON.parse(text) as Partial<{
    finding: LoggedFinding & { kind: FindingKind }
    evidence: string
    resolved: Resolved
    journalKey: unknown
    seal: unknown
    v: number
  }>
  if (body.v === VERSION) {
    if (body.finding) return { kind: 'finding', finding: body.finding }
    if (body.resolved) return { kind: 'resolved', resolved: body.resolved }
    if (body.evidence !== undefined) {
      return { kind: 'evidence', bytes: Buffer.from(body.evidence, 'base64') }
    }
    if (body.journalKey !== undefined || body.seal !== undefined) {
      const control = parseControlLine(text)
      if (control.kind === 'journalKey' || control.kind === 'seal') return control
    }
    const note = noteOf(body)
    if (note) return { kind: 'note', note }
  }
  return { kind: 'unknown' }
}

/** Chain hash and JSON of a decision, without reading the JSON. */
export function splitDecision(leaf: Uint8Array): { hash: string; json: string } {
  const text = Buffer.from(leaf.buffer, leaf.byteOffset, leaf.byteLength).toString('utf8')
  return { hash: text.slice(0, CHAIN_HASH_CHARS), json: text.slice(CHAIN_HASH_CHARS + 1) }
}

function encode(body: object): Uint8Array {
  return Buffer.from(canonicalJson({ ...body, v: VERSION }))
}

function sha256(bytes: Uint8Array): string {
  return hash('sha256', bytes, 'hex')
}
