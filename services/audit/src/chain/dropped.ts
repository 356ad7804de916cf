import type { DatabaseSync, StatementSync } from 'node:sqlite'

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS dropped (
    chain INTEGER PRIMARY KEY,
    count INTEGER NOT NULL
  ) STRICT`

/** How many decisions have no record, as the decision points themselves say in their chains. */
export class Dropped {
  readonly #add: StatementSync
  readonly #of: StatementSync

  constructor(db: DatabaseSync) {
    db.exec(SCHEMA)
    this.#add = db.prepare(
      `INSERT INTO dropped (chain, count) VALUES (?, ?)
       ON CONFLICT (chain) DO UPDATE SET count = count + excluded.count`,
    )
    this.#of = db.prepare('SELECT count FROM dropped WHERE chain = ?')
  }

  add(chain: number, count: number): void {
    this.#add.run(chain, count)
  }

  of(chain: number): number {
    return Number(this.#of.get(chain)?.['count'] ?? 0)
  }
}
