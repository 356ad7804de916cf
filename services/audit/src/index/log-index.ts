import { hash } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'
import {
  chainHash,
  droppedBy,
  genesisHash,
  isDecision,
  type JournalKey,
  type JournalLine,
  type JournalPosition,
  type Seal,
  sealKeyId,
} from '@verdict/contract'
import { type Chain, Chains, Link } from '../chain/chains.ts'
import { Dropped } from '../chain/dropped.ts'
import { type Finding, FindingKind } from '../chain/finding.ts'
import { Findings } from '../chain/findings.ts'
import { Gaps } from '../chain/gaps.ts'
import { JournalKeys } from '../chain/journal-keys.ts'
import { type LoggedFinding, type Resolved, readLeaf, splitDecision } from '../log/leaf.ts'
import type { LogEntry } from '../log/log-entry.ts'
import type { Note, NoteBody } from '../log/note.ts'
import { SearchIndex } from '../search/search-index.ts'
import { takeChains } from './chain-notes.ts'
import { Notes } from './notes.ts'
import { ProgressTable } from './progress.ts'

/** Where the index reads the log. */
export interface LeafSource {
  readonly verifierKey: string
  leaf(index: number): Uint8Array | undefined
}

/** What a decision has shown when it was taken in. */
export interface TakenIn {
  /** The number of the decision. */
  readonly index: number
  /** The places whose chain hash does not follow from the line before. */
  readonly broken: readonly number[]
  /** The finding of a gap of which nothing is missing any more. */
  readonly closedFinding: number | undefined
}

/**
 * All that can be asked of the log without reading it from the beginning: places and chains, gaps
 * and findings, the search. It follows from the leaves in their order and from nothing else, so it
 * is the same when it is built again. The caller holds a transaction around what changes it.
 */
export class LogIndex {
  readonly chains: Chains
  readonly gaps: Gaps
  readonly findings: Findings
  readonly journalKeys: JournalKeys
  readonly dropped: Dropped
  readonly search: SearchIndex
  readonly notes: Notes
  readonly #progress: ProgressTable
  readonly #log: LeafSource

  constructor(db: DatabaseSync, log: LeafSource) {
    this.chains = new Chains(db)
    this.gaps = new Gaps(db)
    this.findings = new Findings(db)
    this.journalKeys = new JournalKeys(db)
    this.dropped = new Dropped(db)
    this.search = new SearchIndex(db)
    this.notes = new Notes(db)
    this.#progress = new ProgressTable(db)
    this.#log = log
  }

  /** How many decisions are in the log, as far as it was taken in. */
  get decisions(): number {
    return this.#progress.current.decisions
  }

  /** The index of the next leaf. */
  get next(): number {
    return this.#progress.current.lastIndex + 1
  }

  /** Of all leaves. */
  get leafBytes(): number {
    return this.#progress.current.bytes
  }

  /** Whether it was built from this log, as it is now. */
  get fits(): boolean {
    const { lastIndex, lastLeaf, log } = this.#progress.current
    if (lastIndex < 0) return true
    const last = this.#log.leaf(lastIndex)
    return log === this.#log.verifierKey && last !== undefined && digestOf(last) === lastLeaf
  }

  /** A decision by its number. */
  read(decision: number): LogEntry | undefined {
    if (decision < 1 || decision > this.decisions) return undefined
    const leaf = this.leafOf(decision)
    const bytes = this.#log.leaf(leaf)
    return bytes && { index: decision, leaf, ...splitDecision(bytes) }
  }

  /** The index of the leaf of a decision. */
  leafOf(decision: number): number {
    return this.#progress.leafOf(decision)
  }

  /** The bytes that a finding is about and that are not in the log as decisions. */
  evidence(finding: number): Uint8Array | undefined {
    const place = this.findings.evidencePlace(finding)
    if (place === undefined) return undefined
    const parts = Array.from({ length: place.leaves }, (_, i) => {
      const leaf = this.#log.leaf(place.from + i)
      const read = leaf && readLeaf(leaf)
      return read?.kind === 'evidence' ? read.bytes : new Uint8Array(0)
    })
    return Buffer.concat(parts)
  }

  /** Takes in any leaf, as it is read from the log. */
  take(bytes: Uint8Array, index: number): void {
    const leaf = readLeaf(bytes)
    if (leaf.kind === 'decision') this.takeDecision(leaf.line, index, bytes.length)
    else if (leaf.kind === 'finding') this.takeFinding(leaf.finding, index, bytes.length)
    else if (leaf.kind === 'resolved') this.takeResolved(leaf.resolved, index, bytes.length)
    else if (leaf.kind === 'journalKey') this.takeJournalKey(leaf.journalKey, index, bytes.length)
    else if (leaf.kind === 'seal') this.takeSeal(leaf.seal, index, bytes.length)
    else if (leaf.kind === 'note') this.takeNote(leaf.note, index, bytes.length)
    else this.takeOther(index, bytes.length)
  }

  takeDecision(line: JournalLine, leaf: number, bytes: number): TakenIn {
    const { chains, gaps } = this
    const { record } = line
    const { n } = record
    const index = this.#progress.count({ index: leaf, bytes, isDecision: true })
    const chain = chains.of(record.instance, record.epoch)
    const link = linkOf(line.hash, line.json, this.#hashBefore(chain, n))
    chains.take(chain, n, { index, link })
    if (isDecision(record)) this.search.add(index, record)
    else this.dropped.add(chain.id, droppedBy(record))
    const broken = link === Link.broken ? [n] : []
    if (n > chain.last) {
      chains.advance(chain, { n, hash: line.hash, timeMs: Date.parse(record.time) })
      return { index, broken, closedFinding: undefined }
    }
    const { closedFinding } = gaps.fill(chain.id, n)
    if (this.#linkNext(line, chain) === Link.broken) broken.push(n + 1)
    return { index, broken, closedFinding }
  }

  takeFinding(finding: LoggedFinding, leaf: number, bytes: number): Finding | undefined {
    this.#progress.count({ index: leaf, bytes, isDecision: false })
    const noted = this.findings.add(finding, leaf)
    const { epoch, from, instance, kind, to } = finding
    const isGap = kind === FindingKind.gap && noted !== undefined
    if (isGap && instance !== undefined && epoch !== undefined && from && to) {
      this.gaps.open(this.chains.of(instance, epoch).id, { from, to }, noted.id)
    }
    return noted
  }

  takeResolved(resolved: Resolved, leaf: number, bytes: number): Finding | undefined {
    this.#progress.count({ index: leaf, bytes, isDecision: false })
    return this.findings.resolve(resolved)
  }

  /** Whether a place was taken by a line of which nothing is known any more. */
  isPruned(chain: Chain, n: number): boolean {
    return n <= chain.last && this.chains.at(chain, n) === undefined && !this.gaps.has(chain.id, n)
  }

  takeNote(note: Note, leaf: number, bytes: number): void {
    if (note.kind === 'shard') this.#beginShard(note.body)
    this.takeOther(leaf, bytes)
    if (note.kind === 'chains') takeChains(this, note.body, leaf)
    this.notes.take(note, leaf)
  }

  takeJournalKey(journalKey: JournalKey, leaf: number, bytes: number): void {
    this.takeOther(leaf, bytes)
    this.journalKeys.add(journalKey, sealKeyId(journalKey.key))
    this.notes.take({ kind: 'journalKey', body: { ...journalKey } }, leaf)
  }

  takeSeal({ instance, epoch, n }: Seal, leaf: number, bytes: number): void {
    this.takeOther(leaf, bytes)
    this.journalKeys.seal(this.chains.of(instance, epoch).id, n)
  }

  /** Takes in a leaf that it has nothing to remember of. */
  takeOther(leaf: number, bytes: number): void {
    this.#progress.count({ index: leaf, bytes, isDecision: false })
  }

  /** How far journals are in the log without a gap: those that moved since this was asked last. */
  moved(): JournalPosition[] {
    return this.chains.moved().map((chain) => this.#wholeOf(chain))
  }

  /** The same of the newest journals. */
  whole(limit: number): JournalPosition[] {
    const page = { before: Number.MAX_SAFE_INTEGER, limit }
    return this.chains.page(page).map((chain) => this.#wholeOf(chain))
  }

  /** The last step before a commit. */
  flush(): void {
    this.chains.flush()
    const { lastIndex } = this.#progress.current
    const last = this.#log.leaf(lastIndex)
    if (last) this.#progress.flush(this.#log.verifierKey, digestOf(last))
  }

  /** Follows a transaction that was rolled back. */
  rolledBack(): void {
    this.chains.rolledBack()
    this.#progress.rolledBack()
  }

  /** What is missing is said again behind this, and so is how many decisions came before. */
  #beginShard({ decisions }: NoteBody): void {
    this.#progress.continueAt(Number(decisions))
    this.gaps.clear()
  }

  #wholeOf(chain: Chain): JournalPosition {
    const { instance, epoch } = chain
    return { instance, epoch, n: this.gaps.wholeTo(chain) }
  }

  /** Verifies the line after one that came late. */
  #linkNext(line: JournalLine, chain: Chain): Link | undefined {
    const n = line.record.n + 1
    const next = this.chains.at(chain, n)
    const entry = next && this.read(next.index)
    if (!entry) return undefined
    const link = linkOf(entry.hash, entry.json, line.hash)
    this.chains.setLink(chain, n, link)
    return link
  }

  #hashBefore(chain: Chain, n: number): string | undefined {
    if (n === 1) return genesisHash(chain.instance, chain.epoch)
    if (n === chain.last + 1) return chain.lastHash
    const before = this.chains.at(chain, n - 1)
    return before && this.read(before.index)?.hash
  }
}

function linkOf(claimed: string, json: string, before: string | undefined): Link {
  if (before === undefined) return Link.unlinked
  return chainHash(before, json) === claimed ? Link.linked : Link.broken
}

function digestOf(leaf: Uint8Array): string {
  return hash('sha256', leaf, 'base64url')
}
