import type { DatabaseSync } from 'node:sqlite'
import type { Chain } from './chain/chains.ts'
import type { Finding, FindingKind } from './chain/finding.ts'
import type { Gap } from './chain/gaps.ts'
import { databaseBytes } from './database.ts'
import type { LogIndex } from './index/log-index.ts'
import type { PersonalReader } from './key-store/personal-reader.ts'
import type { LogEntry } from './log/log-entry.ts'
import type { NoteBody, NoteKind } from './log/note.ts'
import type { Publisher } from './log/publisher.ts'
import type { SignedHead } from './log/recovery.ts'
import type { LeafPlace, ShardFacts } from './log/shard-facts.ts'
import type { Shards } from './log/shards.ts'
import type { OpenedStore } from './open-store.ts'
import type { Filter } from './search/filter.ts'

/** The gaps of one chain that are listed; `missing` counts all. */
const GAPS_LISTED_MAX = 100

/** Entries, newest first. */
export interface EntryPage {
  readonly entries: LogEntry[]
  readonly next?: number
}

/** Entries, oldest first. */
export interface EntryRun {
  readonly entries: LogEntry[]
  readonly through: number
}

/** Where the journal of one decision point stands in the log. */
export interface ChainState {
  readonly chain: Chain
  readonly missing: number
  /** Decisions that have no record, by the word of the decision point. */
  readonly dropped: number
  /** The first of the gaps. */
  readonly gaps: Gap[]
  readonly unresolved: Partial<Record<FindingKind, number>>
}

/** What is answered from the log and its index. */
export abstract class StoreReader {
  protected readonly index: LogIndex
  protected readonly log: Shards
  protected abstract readonly publisher: Publisher
  readonly #db: DatabaseSync
  readonly #personal: PersonalReader | undefined

  constructor({ db, index, log }: OpenedStore, personal: PersonalReader | undefined) {
    this.index = index
    this.log = log
    this.#db = db
    this.#personal = personal
  }

  /** How many decisions are in the log. */
  get lastIndex(): number {
    return this.index.decisions
  }

  /** Of the log and its index. */
  get bytes(): number {
    return this.index.leafBytes + databaseBytes(this.#db)
  }

  /** What the log has signed. */
  get published(): SignedHead {
    return this.log.published
  }

  /** What readers are shown: with a policy of witnesses, what meets it; undefined before that. */
  get shown(): SignedHead | undefined {
    return this.publisher.shown(this.log)
  }

  /** The shards of the log, the oldest first. */
  shards(): ShardFacts[] {
    return this.log.list()
  }

  /** What a shard has signed; undefined where there is no such shard. */
  publishedOf(shard: string): SignedHead | undefined {
    return this.log.headOf(shard)
  }

  /** What readers of a shard are shown; undefined before enough witnesses have cosigned. */
  shownOf(shard: string): SignedHead | undefined {
    const published = this.log.headOf(shard)
    return published && this.publisher.shown({ published })
  }

  /** The file of a shard under a path of tlog-tiles, where the checkpoint covers it. */
  tileFile(shard: string, path: string): Uint8Array | 'pruned' | undefined {
    return this.log.file(shard, path)
  }

  /** In which shard a leaf is, and where: leaves are counted over all of them. */
  placeOf(leaf: number): LeafPlace {
    return this.log.placeOf(leaf)
  }

  /** Of the log; that of each shard is the same key under the shard's name. */
  get verifierKey(): string {
    return this.log.verifierKey
  }

  /** The notes of a kind that count, oldest first. */
  notes(kind: NoteKind): NoteBody[] {
    return this.index.notes.of(kind).map(({ body }) => body)
  }

  find(id: string): LogEntry | undefined {
    const index = this.index.search.find(id)
    return index === undefined ? undefined : this.#entries([index]).at(0)
  }

  /**
   * The receipt of a decision, from a checkpoint that covers it.
   * @returns `uncovered` when there was none in time; undefined where the decision is not known
   */
  async receipt(id: string): Promise<string | 'uncovered' | undefined> {
    const index = this.index.search.find(id)
    if (index === undefined) return undefined
    const leaf = this.index.leafOf(index)
    const place = this.log.placeOf(leaf)
    const head = await this.publisher.covering(place.index, this.log.follow(place.shard))
    return head === undefined ? 'uncovered' : await this.log.receipt(leaf, head)
  }

  async page(filter: Filter, page: { before?: number; limit: number }): Promise<EntryPage> {
    const before = page.before ?? this.lastIndex + 1
    const { search } = this.index
    const { indices, next } = await search.page(this.found(filter), { before, limit: page.limit })
    const entries = this.#entries(indices)
    return next === undefined ? { entries } : { entries, next }
  }

  /**
   * What comes after an index; `through` is how far it has looked. With `sealed` personal fields are
   * as they are in the log.
   */
  follow(filter: Filter, range: { after: number; limit: number; sealed?: true }): EntryRun {
    const last = this.lastIndex
    const { indices, through } = this.index.search.follow(this.found(filter), { ...range, last })
    return { entries: range.sealed ? this.#sealed(indices) : this.#entries(indices), through }
  }

  /** The chains, newest first. */
  chains(page: { before: number; limit: number }): ChainState[] {
    const { chains, dropped, findings, gaps } = this.index
    return chains.page(page).map((chain) => ({
      chain,
      missing: gaps.missing(chain.id),
      dropped: dropped.of(chain.id),
      gaps: gaps.of(chain.id, GAPS_LISTED_MAX),
      unresolved: findings.unresolved(chain),
    }))
  }

  /** How many records are missing in all. */
  get missing(): number {
    return this.index.gaps.missing()
  }

  /** The findings, newest first. */
  findings(page: { before: number; limit: number }): Finding[] {
    return this.index.findings.page(page)
  }

  /** The bytes that a finding is about and that are no decisions of the log. */
  evidence(finding: number): Uint8Array | undefined {
    return this.index.evidence(finding)
  }

  unresolved(): Partial<Record<FindingKind, number>> {
    return this.index.findings.unresolved()
  }

  #sealed(indices: readonly number[]): LogEntry[] {
    const entries = indices.map((index) => this.index.read(index))
    return entries.filter((entry) => entry !== undefined)
  }

  #entries(indices: readonly number[]): LogEntry[] {
    const found = this.#sealed(indices)
    const personal = this.#personal
    return personal === undefined ? found : found.map((entry) => personal.open(entry))
  }

  /** With what the principal is called in records that don't name it. */
  protected found(filter: Filter): Filter {
    return this.#personal?.found(filter) ?? filter
  }
}
