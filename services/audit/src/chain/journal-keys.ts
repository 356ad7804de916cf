import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { JournalKey, Seal } from '@verdict/contract'

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS journal_keys (
    instance TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    key TEXT NOT NULL,
    key_id TEXT NOT NULL,
    previous TEXT,
    from_n INTEGER NOT NULL,
    to_n INTEGER,
    PRIMARY KEY (instance, epoch, key)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS sealed (
    chain INTEGER PRIMARY KEY,
    n INTEGER NOT NULL
  ) STRICT`

/** A key that is on the record. */
export interface KnownKey {
  readonly key: string
  readonly previous?: string
  readonly from: number
  /** The last record that it seals; absent while no other has taken over. */
  readonly to?: number
}

/** The keys of the decision points and how far they have sealed, as the log has them. */
export class JournalKeys {
  readonly #insert: StatementSync
  readonly #retire: StatementSync
  readonly #trusted: StatementSync
  readonly #ofInstance: StatementSync
  readonly #byKey: StatementSync
  readonly #byId: StatementSync
  readonly #sealedTo: StatementSync
  readonly #seal: StatementSync

  constructor(db: DatabaseSync) {
    db.exec(SCHEMA)
    const columns = 'SELECT key, previous, from_n, to_n FROM journal_keys'
    this.#insert = db.prepare(
      `INSERT INTO journal_keys (instance, epoch, key, key_id, previous, from_n)
       VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
    )
    this.#retire = db.prepare(
      `UPDATE journal_keys SET to_n = ?
       WHERE instance = ? AND epoch = ? AND key = ? AND to_n IS NULL`,
    )
    this.#trusted = db.prepare(
      'SELECT 1 FROM journal_keys WHERE instance = ? AND key = ? AND to_n IS NULL LIMIT 1',
    )
    this.#ofInstance = db.prepare('SELECT 1 FROM journal_keys WHERE instance = ? LIMIT 1')
    this.#byKey = db.prepare(`${columns} WHERE instance = ? AND epoch = ? AND key = ?`)
    this.#byId = db.prepare(`${columns} WHERE instance = ? AND epoch = ? AND key_id = ?`)
    this.#sealedTo = db.prepare('SELECT n FROM sealed WHERE chain = ?')
    this.#seal = db.prepare(
      `INSERT INTO sealed (chain, n) VALUES (?, ?)
       ON CONFLICT (chain) DO UPDATE SET n = max(n, excluded.n)`,
    )
  }

  /** Takes in a key of the log: from its first record on, the one that endorses it is retired. */
  add(journalKey: JournalKey, keyId: string): void {
    const { instance, epoch, key, previous, from } = journalKey
    this.#insert.run(instance, epoch, key, keyId, previous ?? null, from)
    if (previous !== undefined) this.#retire.run(from - 1, instance, epoch, previous)
  }

  /** Whether a key seals for the instance, in whatever epoch. */
  isTrusted(instance: string, key: string): boolean {
    return this.#trusted.get(instance, key) !== undefined
  }

  /** Whether any key of the instance is known. */
  has(instance: string): boolean {
    return this.#ofInstance.get(instance) !== undefined
  }

  find({ instance, epoch }: Pick<Seal, 'instance' | 'epoch'>, key: string): KnownKey | undefined {
    const row = this.#byKey.get(instance, epoch, key)
    return row && toKnownKey(row)
  }

  /** The key that a seal names. */
  of({ instance, epoch, key }: Seal): KnownKey | undefined {
    const row = this.#byId.get(instance, epoch, key)
    return row && toKnownKey(row)
  }

  /** The last record of a chain that a seal of the log is for; 0 before the first. */
  sealedTo(chain: number): number {
    return Number(this.#sealedTo.get(chain)?.['n'] ?? 0)
  }

  seal(chain: number, n: number): void {
    this.#seal.run(chain, n)
  }
}

function toKnownKey({ key, previous, from_n, to_n }: Record<string, unknown>): KnownKey {
  return {
    key: String(key),
    ...(previous === null ? undefined : { previous: String(previous) }),
    from: Number(from_n),
    ...(to_n === null ? undefined : { to: Number(to_n) }),
  }
}
