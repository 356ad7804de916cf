import type { DatabaseSync } from 'node:sqlite'
import { setImmediate as yieldToOthers } from 'node:timers/promises'
import { inTransaction } from '../database.ts'
import { SPAN_ROWS } from '../search/search-index.ts'
import type { HoldScope } from './hold.ts'

/** Rows that are removed in one transaction; between two of them others run. */
const SLICE_ROWS = 4_096

/** Decisions by their numbers, both ends included. */
export interface DecisionRange {
  readonly from: number
  readonly to: number
}

/** What the index knows of the decisions of one shard. */
export class ShardContents {
  readonly #db: DatabaseSync

  constructor(db: DatabaseSync) {
    this.#db = db
  }

  /** The time of the oldest and of the newest decision, in ms; undefined where there is none. */
  times({ from, to }: DecisionRange): { oldest: number; newest: number } | undefined {
    const [first, last] = [Math.floor(from / SPAN_ROWS), Math.floor(to / SPAN_ROWS)]
    const spans = this.#row(
      'SELECT min(time_min) AS low, max(time_max) AS high FROM spans WHERE span > ? AND span < ?',
      [first, last],
    )
    const ends = [
      { from, to: Math.min(to, (first + 1) * SPAN_ROWS - 1) },
      { from: Math.max(from, last * SPAN_ROWS), to },
    ].map((end) =>
      this.#row(
        `SELECT min(time_ms) AS low, max(time_ms) AS high FROM search NOT INDEXED
         WHERE idx BETWEEN ? AND ?`,
        [end.from, end.to],
      ),
    )
    const found = [spans, ...ends].filter((row) => row?.['low'] != null)
    if (found.length === 0) return undefined
    return {
      oldest: Math.min(...found.map((row) => Number(row?.['low']))),
      newest: Math.max(...found.map((row) => Number(row?.['high']))),
    }
  }

  /** Whether a decision is of the principal and for the service that are named. */
  mentions({ principal, pseudonyms, service }: HoldScope, { from, to }: DecisionRange): boolean {
    const names = [...(principal === undefined ? [] : [principal]), ...(pseudonyms ?? [])]
    const who = names.length > 0 ? [`principal IN (${names.map(() => '?').join(', ')})`] : []
    const what = service === undefined ? [] : ['service = ?']
    const index = names.length > 0 ? 'search_principal' : 'search_service'
    const sql = `SELECT 1 FROM search INDEXED BY ${index}
      WHERE ${[...who, ...what].join(' AND ')} AND idx BETWEEN ? AND ? LIMIT 1`
    const values = [...names, ...(service === undefined ? [] : [service])]
    return this.#row(sql, [...values, from, to]) !== undefined
  }

  isEmpty({ from, to }: DecisionRange): boolean {
    return (
      this.#row('SELECT 1 FROM search WHERE idx BETWEEN ? AND ? LIMIT 1', [from, to]) === undefined
    )
  }

  /** Forgets decisions; what the search knows goes last, and so tells whether it is done. */
  async forget({ from, to }: DecisionRange): Promise<void> {
    for (const { id, last } of this.#db.prepare('SELECT id, last FROM chains').all()) {
      await this.#forgetPlaces({ chain: Number(id), last: Number(last) }, { from, to })
    }
    inTransaction(this.#db, () => {
      this.#run('DELETE FROM unenforced WHERE idx BETWEEN ? AND ?', [from, to])
      this.#run('DELETE FROM asides WHERE after_decision BETWEEN ? AND ?', [from, to - 1])
      const spans = [Math.ceil(from / SPAN_ROWS), Math.floor((to + 1) / SPAN_ROWS) - 1]
      this.#run('DELETE FROM spans WHERE span BETWEEN ? AND ?', spans)
    })
    for (let at = from; at <= to; at += SLICE_ROWS) {
      const slice = [at, Math.min(to, at + SLICE_ROWS - 1)]
      inTransaction(this.#db, () =>
        this.#run('DELETE FROM search WHERE idx BETWEEN ? AND ?', slice),
      )
      await yieldToOthers()
    }
  }

  async #forgetPlaces(
    { chain, last }: { chain: number; last: number },
    { from, to }: DecisionRange,
  ): Promise<void> {
    const lowest = this.#row('SELECT min(n) AS n FROM places WHERE chain = ?', [chain])?.['n']
    if (lowest == null) return
    for (let n = Number(lowest); n <= last; n += SLICE_ROWS) {
      const values = [chain, n, n + SLICE_ROWS - 1, from, to]
      inTransaction(this.#db, () =>
        this.#run(
          'DELETE FROM places WHERE chain = ? AND n BETWEEN ? AND ? AND idx BETWEEN ? AND ?',
          values,
        ),
      )
      await yieldToOthers()
    }
  }

  #row(sql: string, values: readonly (string | number)[]) {
    return this.#db.prepare(sql).get(...values)
  }

  #run(sql: string, values: readonly (string | number)[]): void {
    this.#db.prepare(sql).run(...values)
  }
}
