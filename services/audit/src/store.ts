import type { DatabaseSync } from 'node:sqlite'
import { type Chain, Chains } from './chain/chains.ts'
import type { Finding, FindingKind } from './chain/finding.ts'
import { Findings } from './chain/findings.ts'
import { type Gap, Gaps } from './chain/gaps.ts'
import { databaseBytes, inTransaction, openDatabase } from './database.ts'
import { type JournalMessage, readJournalMessage } from './ingest/journal-message.ts'
import { type Recorded, Recorder } from './ingest/recorder.ts'
import type { DecisionLog, LogEntry } from './log/decision-log.ts'
import { SqliteLog } from './log/sqlite-log.ts'
import type { Filter } from './search/filter.ts'
import { SearchIndex } from './search/search-index.ts'

/** The gaps of one chain that are listed; `missing` counts all. */
const GAPS_LISTED_MAX = 100

export interface StoreOptions {
  readonly dir: string
  /** In ms; default `Date.now`. */
  readonly now?: () => number
}

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
  /** The first of the gaps. */
  readonly gaps: Gap[]
  readonly unresolved: Partial<Record<FindingKind, number>>
}

/**
 * The log with all that belongs to it, in one directory that no other process may write. One
 * message is one transaction: lines, places, findings and the search are on disk together.
 */
export class Store implements Disposable {
  readonly #db: DatabaseSync
  readonly #log: DecisionLog
  readonly #chains: Chains
  readonly #gaps: Gaps
  readonly #findings: Findings
  readonly #search: SearchIndex
  readonly #recorder: Recorder

  /** @throws {AuditError} `data_dir_in_use`, `data_dir_too_new`, `store_failed` */
  constructor({ dir, now = Date.now }: StoreOptions) {
    this.#db = openDatabase(dir)
    this.#log = new SqliteLog(this.#db)
    this.#chains = new Chains(this.#db)
    this.#gaps = new Gaps(this.#db)
    this.#findings = new Findings(this.#db, now)
    this.#search = new SearchIndex(this.#db)
    const parts = { chains: this.#chains, gaps: this.#gaps, findings: this.#findings }
    this.#recorder = new Recorder({ ...parts, log: this.#log, search: this.#search, now })
  }

  get lastIndex(): number {
    return this.#log.lastIndex
  }

  get bytes(): number {
    return databaseBytes(this.#db)
  }

  /**
   * Takes in one message. When it returns all of it is on disk; when it throws nothing is, and the
   * message may be given again.
   * @throws {AuditError} `store_failed`
   */
  record(message: JournalMessage): Recorded {
    const content = readJournalMessage(message)
    const { lastIndex } = this.#log
    try {
      return inTransaction(this.#db, () => this.#recorder.record(message, content))
    } catch (error) {
      this.#log.rolledBack(lastIndex)
      this.#chains.rolledBack()
      throw error
    }
  }

  find(id: string): LogEntry | undefined {
    const index = this.#search.find(id)
    return index === undefined ? undefined : this.#log.read(index)
  }

  async page(filter: Filter, page: { before?: number; limit: number }): Promise<EntryPage> {
    const before = page.before ?? this.lastIndex + 1
    const { indices, next } = await this.#search.page(filter, { before, limit: page.limit })
    const entries = this.#entries(indices)
    return next === undefined ? { entries } : { entries, next }
  }

  /** What comes after an index; `through` is how far it has looked. */
  follow(filter: Filter, range: { after: number; limit: number }): EntryRun {
    const last = this.lastIndex
    const { indices, through } = this.#search.follow(filter, { ...range, last })
    return { entries: this.#entries(indices), through }
  }

  /** The chains, newest first. */
  chains(page: { before: number; limit: number }): ChainState[] {
    return this.#chains.page(page).map((chain) => ({
      chain,
      missing: this.#gaps.missing(chain.id),
      gaps: this.#gaps.of(chain.id, GAPS_LISTED_MAX),
      unresolved: this.#findings.unresolved(chain),
    }))
  }

  /** How many records are missing in all. */
  get missing(): number {
    return this.#gaps.missing()
  }

  /** The findings, newest first. */
  findings(page: { before: number; limit: number }): Finding[] {
    return this.#findings.page(page)
  }

  /** The bytes that a finding is about and that are not in the log. */
  evidence(finding: number): Uint8Array | undefined {
    return this.#findings.evidence(finding)
  }

  unresolved(): Partial<Record<FindingKind, number>> {
    return this.#findings.unresolved()
  }

  [Symbol.dispose](): void {
    this.#db.close()
  }

  #entries(indices: readonly number[]): LogEntry[] {
    return indices.map((index) => this.#log.read(index)).filter((entry) => entry !== undefined)
  }
}
