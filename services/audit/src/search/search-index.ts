import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { setImmediate as yieldToOthers } from 'node:timers/promises'
import type { DecisionRecord } from '@verdict/contract'
import { FIRST_INDEX } from '../log/log-entry.ts'
import { FACT_COLUMNS, factValues, indexedPrincipal } from './fact.ts'
import { type Conditions, conditionsOf, type Filter } from './filter.ts'
import { SCHEMA } from './schema.ts'

/** Rows are looked through span by span; of each span the earliest and latest time is known. */
export const SPAN_ROWS = 16_384
/** A search that has held the process for this long lets others run before it goes on. */
const SLICE_MS = 10
/** After this long a page is given as it is, with the cursor where the search stopped. */
export const PAGE_TIME_MS_MAX = 2_000
/** Statements that are kept; the one used longest ago makes room, and is prepared again. */
const STATEMENTS_MAX = 256
/** A path prefix with at most this many rows is looked up; more are found by looking through. */
const RARE_ROWS_MAX = 2_000

export interface SearchOptions {
  /** Default: SPAN_ROWS. It is the same for the life of the tables. */
  readonly spanRows?: number
  /** Default: RARE_ROWS_MAX. */
  readonly rareRowsMax?: number
}

/** Indices of entries, newest first. */
export interface SearchPage {
  readonly indices: number[]
  /** Where the next page begins: below this index; absent when there is nothing older. */
  readonly next?: number
}

/** Indices of entries, oldest first. */
export interface FollowPage {
  readonly indices: number[]
  /** Everything up to this index has been looked at. */
  readonly through: number
}

/** Answers which entries match. It holds nothing that the log does not, and is never the truth. */
export class SearchIndex {
  readonly #db: DatabaseSync
  readonly #spanRows: number
  readonly #rareRowsMax: number
  readonly #insert: StatementSync
  readonly #insertUnenforced: StatementSync
  readonly #widen: StatementSync
  readonly #byId: StatementSync
  readonly #spanBelow: StatementSync
  /** One for each shape of a filter and direction that was asked for last. */
  readonly #selects = new Map<string, StatementSync>()

  constructor(
    db: DatabaseSync,
    { spanRows = SPAN_ROWS, rareRowsMax = RARE_ROWS_MAX }: SearchOptions = {},
  ) {
    db.exec(SCHEMA)
    this.#db = db
    this.#spanRows = spanRows
    this.#rareRowsMax = rareRowsMax
    this.#insert = db.prepare(
      `INSERT INTO search (idx, id, time_ms, principal, outcome, path, namespace, service,
         ${FACT_COLUMNS.join(', ')})
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ${FACT_COLUMNS.map(() => '?').join(', ')})`,
    )
    this.#insertUnenforced = db.prepare('INSERT INTO unenforced (idx) VALUES (?)')
    this.#widen = db.prepare(
      `INSERT INTO spans (span, time_min, time_max) VALUES (?1, ?2, ?2)
       ON CONFLICT (span) DO UPDATE SET
         time_min = min(time_min, excluded.time_min), time_max = max(time_max, excluded.time_max)
       WHERE excluded.time_min < time_min OR excluded.time_max > time_max`,
    )
    this.#byId = db.prepare('SELECT idx FROM search WHERE id = ? ORDER BY idx LIMIT 1')
    this.#spanBelow = db.prepare(
      `SELECT span FROM spans WHERE span <= ? AND time_max >= ? AND time_min < ?
       ORDER BY span DESC LIMIT 1`,
    )
  }

  /** Adds an entry; part of the transaction that appends it. */
  add(index: number, record: DecisionRecord): void {
    const { destination, id, outcome, request, time } = record
    const principal = indexedPrincipal(record)
    const timeMs = Date.parse(time)
    const { namespace = '', service } = destination
    const place = [index, id, timeMs, principal, outcome, request.path, namespace, service] as const
    this.#insert.run(...place, ...factValues(record))
    if (record.enforced === false) this.#insertUnenforced.run(index)
    this.#widen.run(this.#spanOf(index), timeMs)
  }

  /** The entry of a decision; the first where several claim to be it. */
  find(id: string): number | undefined {
    const row = this.#byId.get(id)
    return row && Number(row['idx'])
  }

  /** The newest entries below an index. Others run meanwhile, however long it takes. */
  async page(filter: Filter, page: { before: number; limit: number }): Promise<SearchPage> {
    const conditions = conditionsOf(filter)
    if (this.#isRare(filter)) return this.#rarePage(conditions, page)
    const indices: number[] = []
    const startedAt = performance.now()
    let sliceAt = startedAt
    let before = page.before
    for (;;) {
      const span = this.#spanAt(before - 1, filter)
      if (span === undefined) return { indices }
      if (indices.length === page.limit) return { indices, next: before }
      const now = performance.now()
      if (now - startedAt > PAGE_TIME_MS_MAX) return { indices, next: before }
      if (now - sliceAt > SLICE_MS) {
        await yieldToOthers()
        sliceAt = performance.now()
      }
      const from = span * this.#spanRows
      const through = Math.min(before - 1, from + this.#spanRows - 1)
      const limit = page.limit - indices.length
      const found = this.#select(conditions, 'DESC', drivingIndex(filter), [from, through, limit])
      indices.push(...found)
      before = found.length === limit ? (found.at(-1) ?? from) : from
    }
  }

  /** The entries that come after an index, up to `last`; at most one span is looked through. */
  follow(filter: Filter, range: { after: number; last: number; limit: number }): FollowPage {
    const { after, limit } = range
    const through = Math.min(range.last, after + this.#spanRows)
    const values = [after + 1, through, limit] as const
    const indices = this.#select(conditionsOf(filter), 'ASC', drivingIndex(filter), values)
    return { indices, through: indices.length === limit ? (indices.at(-1) ?? through) : through }
  }

  /** The next span at or below an index that has entries of the time asked for. */
  #spanAt(index: number, { fromMs, toMs }: Filter): number | undefined {
    const [from, to] = [fromMs ?? Number.MIN_SAFE_INTEGER, toMs ?? Number.MAX_SAFE_INTEGER]
    const row = index < FIRST_INDEX ? undefined : this.#spanBelow.get(this.#spanOf(index), from, to)
    return row && Number(row['span'])
  }

  #spanOf(index: number): number {
    return Math.floor(index / this.#spanRows)
  }

  #isRare({ path }: Filter): boolean {
    if (path === undefined || !('prefix' in path)) return false
    const { sql, values } = conditionsOf({ path })
    const counted = this.#prepared(
      `SELECT count(*) AS count FROM
         (SELECT 1 FROM search INDEXED BY search_path WHERE ${sql} LIMIT ?)`,
    ).get(...values, this.#rareRowsMax + 1)
    return Number(counted?.['count']) <= this.#rareRowsMax
  }

  #rarePage(conditions: Conditions, { before, limit }: { before: number; limit: number }) {
    const values = [0, before - 1, limit] as const
    const indices = this.#select(conditions, 'DESC', 'INDEXED BY search_path', values)
    const next = indices.length === limit ? indices.at(-1) : undefined
    return next === undefined ? { indices } : { indices, next }
  }

  #select(
    conditions: Conditions,
    order: 'ASC' | 'DESC',
    driver: string,
    [from, through, limit]: readonly [from: number, through: number, limit: number],
  ): number[] {
    const rows = this.#prepared(
      `SELECT idx FROM search ${driver} WHERE ${conditions.sql} AND idx BETWEEN ? AND ?
       ORDER BY idx ${order} LIMIT ?`,
    ).all(...conditions.values, from, through, limit)
    return rows.map((row) => Number(row['idx']))
  }

  #prepared(sql: string): StatementSync {
    const statement = this.#selects.get(sql) ?? this.#db.prepare(sql)
    this.#selects.delete(sql)
    this.#selects.set(sql, statement)
    const [oldest] = this.#selects.size > STATEMENTS_MAX ? this.#selects.keys() : []
    if (oldest !== undefined) this.#selects.delete(oldest)
    return statement
  }
}

/**
 * SQLite has no statistics of these tables, so the index is chosen here: the most selective one of
 * those that give rows in the order of their index.
 */
function drivingIndex(filter: Filter): string {
  const { destination, outcome, path, principal, trace } = filter
  if (trace !== undefined) return 'INDEXED BY search_trace'
  if (principal !== undefined) return 'INDEXED BY search_principal'
  if (path && 'exact' in path) return 'INDEXED BY search_path'
  if (outcome !== undefined && outcome !== 'allow') return 'INDEXED BY search_refused'
  // Most decisions allow: to look through them all finds some soon.
  return destination ? 'INDEXED BY search_service' : 'NOT INDEXED'
}
