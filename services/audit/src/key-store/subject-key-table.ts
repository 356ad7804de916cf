import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { SealedSubjectKey } from '@verdict/contract'

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS subject_keys (
    id TEXT PRIMARY KEY,
    pseudonym TEXT NOT NULL,
    made_ms INTEGER NOT NULL,
    key BLOB NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS subject_keys_pseudonym ON subject_keys (pseudonym);
  CREATE TABLE IF NOT EXISTS unopened (
    id TEXT PRIMARY KEY,
    pseudonym TEXT NOT NULL,
    made_ms INTEGER NOT NULL,
    sealing TEXT NOT NULL,
    sealed TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS erased (
    pseudonym TEXT PRIMARY KEY,
    until_ms INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS pending (id INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT`

/** The tables of the key store. The caller holds a transaction around what changes them. */
export class SubjectKeyTable {
  readonly #find: StatementSync
  readonly #put: StatementSync
  readonly #putUnopened: StatementSync
  readonly #removeUnopened: StatementSync
  readonly #unopened: StatementSync
  readonly #countUnopened: StatementSync
  readonly #ids: StatementSync
  readonly #remove: readonly StatementSync[]
  readonly #erasedUntil: StatementSync
  readonly #erase: StatementSync
  readonly #addPending: StatementSync
  readonly #removePending: StatementSync
  readonly #pending: StatementSync

  constructor(db: DatabaseSync) {
    db.exec(SCHEMA)
    this.#find = db.prepare('SELECT key FROM subject_keys WHERE id = ?')
    this.#put = db.prepare('INSERT INTO subject_keys VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING')
    this.#putUnopened = db.prepare('INSERT OR IGNORE INTO unopened VALUES (?, ?, ?, ?, ?)')
    this.#removeUnopened = db.prepare('DELETE FROM unopened WHERE id = ?')
    this.#unopened = db.prepare('SELECT * FROM unopened')
    this.#countUnopened = db.prepare('SELECT count(*) AS count FROM unopened')
    this.#ids = db.prepare(
      'SELECT id FROM subject_keys WHERE pseudonym = ?1 AND made_ms <= ?2 ' +
        'UNION SELECT id FROM unopened WHERE pseudonym = ?1 AND made_ms <= ?2 ORDER BY id',
    )
    this.#remove = ['subject_keys', 'unopened'].map((table) =>
      db.prepare(`DELETE FROM ${table} WHERE pseudonym = ? AND made_ms <= ?`),
    )
    this.#erasedUntil = db.prepare('SELECT until_ms FROM erased WHERE pseudonym = ?')
    this.#erase = db.prepare(
      `INSERT INTO erased VALUES (?, ?)
       ON CONFLICT (pseudonym) DO UPDATE SET until_ms = max(until_ms, excluded.until_ms)`,
    )
    this.#addPending = db.prepare('INSERT INTO pending (body) VALUES (?)')
    this.#removePending = db.prepare('DELETE FROM pending WHERE id = ?')
    this.#pending = db.prepare('SELECT id, body FROM pending ORDER BY id')
  }

  key(id: string): Uint8Array | undefined {
    const key = this.#find.get(id)?.['key']
    return key instanceof Uint8Array ? key : undefined
  }

  put({ id, pseudonym, at }: SealedSubjectKey, key: Uint8Array): void {
    this.#put.run(id, pseudonym, at, key)
    this.#removeUnopened.run(id)
  }

  putUnopened({ id, pseudonym, at, sealing, sealed }: SealedSubjectKey): void {
    this.#putUnopened.run(id, pseudonym, at, sealing, sealed)
  }

  /** Those that could not be opened yet. */
  unopened(): SealedSubjectKey[] {
    return this.#unopened.all().map((row) => ({
      at: Number(row['made_ms']),
      id: String(row['id']),
      pseudonym: String(row['pseudonym']),
      sealed: String(row['sealed']),
      sealing: String(row['sealing']),
    }))
  }

  get unopenedCount(): number {
    return Number(this.#countUnopened.get()?.['count'])
  }

  /** Whether a key is of a subject that was erased after it was made. */
  isErased({ pseudonym, at }: SealedSubjectKey): boolean {
    const row = this.#erasedUntil.get(pseudonym)
    return row !== undefined && at <= Number(row['until_ms'])
  }

  /** Removes the keys that were made until then, and remembers it; tells which they were. */
  erase(pseudonym: string, untilMs: number): string[] {
    const ids = this.#ids.all(pseudonym, untilMs).map((row) => String(row['id']))
    for (const remove of this.#remove) remove.run(pseudonym, untilMs)
    this.#erase.run(pseudonym, untilMs)
    return ids
  }

  addPending(body: string): number {
    return Number(this.#addPending.run(body).lastInsertRowid)
  }

  removePending(id: number): void {
    this.#removePending.run(id)
  }

  /** Erasures that are not in the log yet. */
  pending(): { id: number; body: string }[] {
    return this.#pending.all().map((row) => ({ id: Number(row['id']), body: String(row['body']) }))
  }
}
