import path from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { openAlone, primaryCode, removeDatabase, SQLITE_BUSY, storeError } from '../database.ts'
import { AuditError, AuditErrorCode } from '../errors.ts'
import { diskFs } from './log-fs.ts'
import { FIRST_SHARD } from './shard-name.ts'

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS lock (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    checkpoint TEXT NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS shards (
    place INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    checkpoint TEXT NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS writer (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    number INTEGER NOT NULL
  ) STRICT`
/** Beside the record: locked for as long as its writer lives, and by nothing but that. */
const HELD_SUFFIX = '.held'
/** A writer that takes over is at the record for a moment; beyond this it is stuck there. */
const BUSY_TIMEOUT_MS = 2_000

/**
 * The last checkpoint that the log has signed, kept apart from the log. It changes before any
 * reader can see the new checkpoint, so whoever finds the log behind it knows that the log is old.
 */
export interface LockRecord extends Disposable {
  /** The signed note; undefined before the first. */
  read(): string | undefined
  /** Compare and set, durable when it returns; false where the record is another one by now. */
  replace(from: string | undefined, to: string): boolean
  /** Whether no other writer has taken over: what was durable before is known to the next one. */
  isHeld(): boolean
}

/** The lock records of the shards of a log. */
export interface LockBook {
  /** The shards that have one, in the order in which they were begun. */
  shards(): string[]
  of(shard: string): LockRecord
}

/**
 * The lock record in a database. Each writer has a number, and only the newest one may change the
 * record: one that was taken for dead and wakes up can't sign. A second file is locked by the
 * writer until its process ends, so that nobody takes over from one that lives without saying so.
 */
export class SqliteLockRecord implements LockRecord, LockBook {
  readonly #held: DatabaseSync
  readonly #db: DatabaseSync
  readonly #number: number
  readonly #newest: StatementSync

  /**
   * @param takeOver from a writer that hangs: it keeps its lock on a file that is gone
   * @throws {AuditError} `data_dir_in_use`, `store_failed`
   */
  constructor(file: string, { takeOver = false }: { takeOver?: boolean } = {}) {
    using resources = new DisposableStack()
    if (takeOver) removeDatabase(`${file}${HELD_SUFFIX}`)
    this.#held = openAlone(`${file}${HELD_SUFFIX}`, { durable: false })
    resources.defer(() => this.#held.close())
    this.#db = openRecord(file)
    resources.defer(() => this.#db.close())
    this.#number = enter(this.#db, file)
    this.#newest = this.#db.prepare('SELECT number FROM writer')
    diskFs(path.dirname(file)).syncDir('.')
    resources.move()
  }

  read(): string | undefined {
    const row = this.#db.prepare('SELECT checkpoint FROM lock').get()
    return row && String(row['checkpoint'])
  }

  replace(from: string | undefined, to: string): boolean {
    const own = '(SELECT number FROM writer) = ?'
    const { changes } =
      from === undefined
        ? this.#db
            .prepare(`INSERT INTO lock SELECT 1, ? WHERE ${own} ON CONFLICT DO NOTHING`)
            .run(to, this.#number)
        : this.#db
            .prepare(`UPDATE lock SET checkpoint = ? WHERE checkpoint = ? AND ${own}`)
            .run(to, from, this.#number)
    return changes === 1
  }

  shards(): string[] {
    const rows = this.#db.prepare('SELECT name FROM shards ORDER BY place').all()
    const first = this.read() === undefined ? [] : [FIRST_SHARD]
    return [...first, ...rows.map(({ name }) => String(name))]
  }

  of(shard: string): LockRecord {
    if (shard === FIRST_SHARD) return this
    const isHeld = (): boolean => this.isHeld()
    return new ShardLockRecord(this.#db, { shard, number: this.#number, isHeld })
  }

  isHeld(): boolean {
    return this.#newest.get()?.['number'] === this.#number
  }

  [Symbol.dispose](): void {
    this.#db.close()
    this.#held.close()
  }
}

/** That of a shard with a name, by the writer that has the database open. */
class ShardLockRecord implements LockRecord {
  readonly #db: DatabaseSync
  readonly #shard: string
  readonly #number: number
  readonly isHeld: () => boolean

  constructor(
    db: DatabaseSync,
    { isHeld, number, shard }: { shard: string; number: number; isHeld: () => boolean },
  ) {
    this.#db = db
    this.#shard = shard
    this.#number = number
    this.isHeld = isHeld
  }

  read(): string | undefined {
    const row = this.#db.prepare('SELECT checkpoint FROM shards WHERE name = ?').get(this.#shard)
    return row && String(row['checkpoint'])
  }

  replace(from: string | undefined, to: string): boolean {
    const own = '(SELECT number FROM writer) = ?'
    const insert = `INSERT INTO shards (name, checkpoint) SELECT ?, ? WHERE ${own}
      ON CONFLICT DO NOTHING`
    const update = `UPDATE shards SET checkpoint = ? WHERE name = ? AND checkpoint = ? AND ${own}`
    const { changes } =
      from === undefined
        ? this.#db.prepare(insert).run(this.#shard, to, this.#number)
        : this.#db.prepare(update).run(to, this.#shard, from, this.#number)
    return changes === 1
  }

  [Symbol.dispose](): void {
    // The database is closed by whoever has opened it.
  }
}

/** Shared, so that a writer that hangs holds up nobody, unless it hangs at this very place. */
function openRecord(file: string): DatabaseSync {
  try {
    const db = new DatabaseSync(file, { timeout: BUSY_TIMEOUT_MS })
    db.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL')
    return db
  } catch (cause) {
    throw recordError(file, cause)
  }
}

/** Comes after all other writers; none of them can change the record from here on. */
function enter(db: DatabaseSync, file: string): number {
  try {
    db.exec(SCHEMA)
    // All rows: with the first alone a commit that fails afterwards would not be told.
    const [row] = db
      .prepare(
        `INSERT INTO writer VALUES (1, 1)
         ON CONFLICT DO UPDATE SET number = number + 1 RETURNING number`,
      )
      .all()
    return Number(row?.['number'])
  } catch (cause) {
    throw recordError(file, cause)
  }
}

function recordError(file: string, cause: unknown): AuditError {
  if (primaryCode(cause) !== SQLITE_BUSY) return storeError(`can't open \`${file}\``, cause)
  const message = `another audit service hangs while it writes \`${file}\`: end that process`
  return new AuditError(AuditErrorCode.dataDirInUse, message, { cause })
}
