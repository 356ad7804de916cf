import type { DatabaseSync, StatementSync } from 'node:sqlite'

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS gaps (
    chain INTEGER NOT NULL,
    from_n INTEGER NOT NULL,
    to_n INTEGER NOT NULL,
    finding INTEGER NOT NULL,
    PRIMARY KEY (chain, from_n)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS gaps_finding ON gaps (finding)`

/** Places that no line has taken, both ends included. */
export interface Gap {
  readonly from: number
  readonly to: number
}

/** What is missing now: a line that arrives late cuts its place out of a gap. */
export class Gaps {
  readonly #insert: StatementSync
  readonly #around: StatementSync
  readonly #delete: StatementSync
  readonly #left: StatementSync
  readonly #of: StatementSync
  readonly #all: StatementSync
  readonly #has: StatementSync
  readonly #clear: StatementSync
  readonly #missingOf: StatementSync
  readonly #missing: StatementSync

  constructor(db: DatabaseSync) {
    db.exec(SCHEMA)
    this.#insert = db.prepare('INSERT INTO gaps (chain, from_n, to_n, finding) VALUES (?, ?, ?, ?)')
    this.#around = db.prepare(
      `SELECT from_n, to_n, finding FROM gaps
       WHERE chain = ? AND from_n <= ? ORDER BY from_n DESC LIMIT 1`,
    )
    this.#delete = db.prepare('DELETE FROM gaps WHERE chain = ? AND from_n = ?')
    this.#left = db.prepare('SELECT count(*) AS count FROM gaps WHERE finding = ?')
    this.#of = db.prepare(
      `SELECT from_n AS "from", to_n AS "to" FROM gaps WHERE chain = ? ORDER BY from_n LIMIT ?`,
    )
    this.#all = db.prepare(
      `SELECT from_n AS "from", to_n AS "to", finding FROM gaps WHERE chain = ? ORDER BY from_n`,
    )
    this.#has = db.prepare('SELECT 1 FROM gaps WHERE chain = ? AND from_n <= ? AND to_n >= ?')
    this.#clear = db.prepare('DELETE FROM gaps')
    this.#missingOf = db.prepare(
      'SELECT total(to_n - from_n + 1) AS count FROM gaps WHERE chain = ?',
    )
    this.#missing = db.prepare('SELECT total(to_n - from_n + 1) AS count FROM gaps')
  }

  open(chain: number, gap: Gap, finding: number): void {
    this.#insert.run(chain, gap.from, gap.to, finding)
  }

  /** Cuts a place out; the finding of its gap where nothing of it is missing any more. */
  fill(chain: number, n: number): { closedFinding?: number } {
    const row = this.#around.get(chain, n)
    if (row === undefined || Number(row['to_n']) < n) return {}
    const [from, to] = [Number(row['from_n']), Number(row['to_n'])]
    const finding = Number(row['finding'])
    this.#delete.run(chain, from)
    if (from < n) this.#insert.run(chain, from, n - 1, finding)
    if (n < to) this.#insert.run(chain, n + 1, to, finding)
    return Number(this.#left.get(finding)?.['count']) === 0 ? { closedFinding: finding } : {}
  }

  /** The first gaps of a chain. */
  of(chain: number, limit: number): Gap[] {
    return this.#of.all(chain, limit).map((row) => ({
      from: Number(row['from']),
      to: Number(row['to']),
    }))
  }

  /** All gaps of a chain, with the finding of each. */
  all(chain: number): (Gap & { readonly finding: number })[] {
    return this.#all.all(chain).map((row) => ({
      from: Number(row['from']),
      to: Number(row['to']),
      finding: Number(row['finding']),
    }))
  }

  /** Whether a place is missing. */
  has(chain: number, n: number): boolean {
    return this.#has.get(chain, n, n) !== undefined
  }

  /** Forgets all, before they are said again. */
  clear(): void {
    this.#clear.run()
  }

  /** The place up to which nothing of a chain is missing. */
  wholeTo({ id, last }: { readonly id: number; readonly last: number }): number {
    const [first] = this.of(id, 1)
    return first === undefined ? last : first.from - 1
  }

  /** How many records are missing, of one chain or of all. */
  missing(chain?: number): number {
    const row = chain === undefined ? this.#missing.get() : this.#missingOf.get(chain)
    return Number(row?.['count'])
  }
}
