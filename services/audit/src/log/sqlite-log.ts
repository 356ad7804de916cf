import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { JournalLine } from '@verdict/contract'
import type { DecisionLog, LogEntry } from './decision-log.ts'

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS log (
    idx INTEGER PRIMARY KEY,
    hash TEXT NOT NULL,
    json TEXT NOT NULL
  ) STRICT`

/** The log as a table: indices are without a hole, and nothing updates or deletes a row. */
export class SqliteLog implements DecisionLog {
  readonly #insert: StatementSync
  readonly #select: StatementSync
  #lastIndex: number

  constructor(db: DatabaseSync) {
    db.exec(SCHEMA)
    this.#insert = db.prepare('INSERT INTO log (idx, hash, json) VALUES (?, ?, ?)')
    this.#select = db.prepare('SELECT idx AS "index", hash, json FROM log WHERE idx = ?')
    const last = db.prepare('SELECT coalesce(max(idx), 0) AS last FROM log').get()
    this.#lastIndex = Number(last?.['last'])
  }

  get lastIndex(): number {
    return this.#lastIndex
  }

  append(line: JournalLine): number {
    const index = this.#lastIndex + 1
    this.#insert.run(index, line.hash, line.json)
    this.#lastIndex = index
    return index
  }

  read(index: number): LogEntry | undefined {
    return this.#select.get(index) as LogEntry | undefined
  }

  rolledBack(lastIndex: number): void {
    this.#lastIndex = lastIndex
  }
}
