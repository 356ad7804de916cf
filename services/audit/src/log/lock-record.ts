import path from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { openAlone } from '../database.ts'
import { diskFs } from './log-fs.ts'

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS lock (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    checkpoint TEXT NOT NULL
  ) STRICT`

/**
 * The last checkpoint that the log has signed, kept apart from the log. It changes before any
 * reader can see the new checkpoint, so whoever finds the log behind it knows that the log is old.
 */
export interface LockRecord extends Disposable {
  /** The signed note; undefined before the first. */
  read(): string | undefined
  /** Compare and set, durable when it returns; false where the record is another one by now. */
  replace(from: string | undefined, to: string): boolean
}

/** The lock record in a database of its own, which is held alone for as long as it is open. */
export class SqliteLockRecord implements LockRecord {
  readonly #db: DatabaseSync

  /** @throws {AuditError} `data_dir_in_use`, `store_failed` */
  constructor(file: string) {
    this.#db = openAlone(file, { durable: true })
    this.#db.exec(SCHEMA)
    diskFs(path.dirname(file)).syncDir('.')
  }

  read(): string | undefined {
    const row = this.#db.prepare('SELECT checkpoint FROM lock').get()
    return row && String(row['checkpoint'])
  }

  replace(from: string | undefined, to: string): boolean {
    const { changes } =
      from === undefined
        ? this.#db.prepare('INSERT INTO lock VALUES (1, ?) ON CONFLICT DO NOTHING').run(to)
        : this.#db.prepare('UPDATE lock SET checkpoint = ? WHERE checkpoint = ?').run(to, from)
    return changes === 1
  }

  [Symbol.dispose](): void {
    this.#db.close()
  }
}
