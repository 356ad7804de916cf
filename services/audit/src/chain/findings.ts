import type { DatabaseSync, SQLOutputValue, StatementSync } from 'node:sqlite'
import type { LoggedFinding, Resolved } from '../log/leaf.ts'
import type { Finding, FindingKind } from './finding.ts'

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS findings (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    instance TEXT,
    epoch INTEGER,
    from_n INTEGER,
    to_n INTEGER,
    seq INTEGER NOT NULL,
    detail TEXT NOT NULL,
    noticed_at TEXT NOT NULL,
    resolved_at TEXT,
    leaf INTEGER NOT NULL,
    evidence_leaves INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX IF NOT EXISTS findings_instance ON findings (instance, epoch)`
const COLUMNS = 'id, kind, instance, epoch, from_n, to_n, seq, detail, noticed_at, resolved_at'

/** The findings as a table. */
export class Findings {
  readonly #insert: StatementSync
  readonly #resolve: StatementSync
  readonly #page: StatementSync
  readonly #evidence: StatementSync
  readonly #keyOf: StatementSync
  readonly #idOf: StatementSync
  readonly #logged: StatementSync
  readonly #forget: StatementSync
  readonly #known: StatementSync
  readonly #openKeys: StatementSync
  readonly #unresolved: StatementSync
  readonly #unresolvedOf: StatementSync

  constructor(db: DatabaseSync) {
    db.exec(SCHEMA)
    this.#insert = db.prepare(
      `INSERT INTO findings
         (key, kind, instance, epoch, from_n, to_n, seq, detail, noticed_at, leaf, evidence_leaves)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO NOTHING
       RETURNING ${COLUMNS}`,
    )
    this.#resolve = db.prepare(
      `UPDATE findings SET resolved_at = ? WHERE key = ? AND resolved_at IS NULL
       RETURNING ${COLUMNS}`,
    )
    this.#page = db.prepare(`SELECT ${COLUMNS} FROM findings WHERE id < ? ORDER BY id DESC LIMIT ?`)
    this.#evidence = db.prepare(
      'SELECT leaf, evidence_leaves FROM findings WHERE id = ? AND evidence_leaves > 0',
    )
    this.#keyOf = db.prepare('SELECT key FROM findings WHERE id = ?')
    this.#idOf = db.prepare('SELECT id FROM findings WHERE key = ?')
    this.#logged = db.prepare(
      `SELECT key, kind, instance, epoch, from_n, to_n, seq, detail, noticed_at FROM findings
       WHERE id = ?`,
    )
    this.#forget = db.prepare(
      `DELETE FROM findings WHERE leaf >= ? AND leaf < ?
       AND id NOT IN (SELECT finding FROM gaps)`,
    )
    this.#known = db.prepare('SELECT 1 FROM findings WHERE key = ?')
    this.#openKeys = db.prepare(
      'SELECT key FROM findings WHERE key >= ? AND key < ? AND resolved_at IS NULL',
    )
    this.#unresolved = db.prepare(
      'SELECT kind, count(*) AS count FROM findings WHERE resolved_at IS NULL GROUP BY kind',
    )
    this.#unresolvedOf = db.prepare(
      `SELECT kind, count(*) AS count FROM findings
       WHERE instance = ? AND epoch = ? AND resolved_at IS NULL GROUP BY kind`,
    )
  }

  /** Whether a finding is on the record already. */
  isKnown(key: string): boolean {
    return this.#known.get(key) !== undefined
  }

  /** The keys of those that are not resolved, and whose key begins with these words. */
  openKeys(words: string): string[] {
    // What follows a word is a space, which `!` comes right after.
    return this.#openKeys.all(`${words} `, `${words}!`).map((row) => String(row['key']))
  }

  keyOf(id: number): string | undefined {
    const row = this.#keyOf.get(id)
    return row && String(row['key'])
  }

  idOf(key: string): number | undefined {
    const row = this.#idOf.get(key)
    return row && Number(row['id'])
  }

  /** A finding as it is on the record, without its evidence. */
  logged(id: number): LoggedFinding | undefined {
    const row = this.#logged.get(id)
    if (row === undefined) return undefined
    const { from_n: from, to_n: to, noticed_at: noticedAt, ...same } = row
    const given = Object.entries({ ...same, from, to, noticedAt }).filter(([, it]) => it !== null)
    return Object.fromEntries(given) as unknown as LoggedFinding
  }

  /** Forgets the findings of leaves that were removed, but not what is missing still. */
  forget({ from, to }: { from: number; to: number }): void {
    this.#forget.run(from, to)
  }

  /** Takes in a finding of the log; undefined where it is known already. */
  add(finding: LoggedFinding, leaf: number): Finding | undefined {
    const row = this.#insert.get(
      finding.key,
      finding.kind,
      finding.instance ?? null,
      finding.epoch ?? null,
      finding.from ?? null,
      finding.to ?? null,
      finding.seq,
      finding.detail,
      finding.noticedAt,
      leaf,
      finding.evidence?.leaves ?? 0,
    )
    return row && toFinding(row)
  }

  /** Marks a finding as resolved; undefined where it is so already. */
  resolve({ key, at }: Resolved): Finding | undefined {
    const row = this.#resolve.get(at, key)
    return row && toFinding(row)
  }

  /** The newest findings below an id. */
  page(page: { before: number; limit: number }): Finding[] {
    return this.#page.all(page.before, page.limit).map(toFinding)
  }

  /** Where in the log the evidence of a finding is; undefined where it has none. */
  evidencePlace(id: number): { from: number; leaves: number } | undefined {
    const row = this.#evidence.get(id)
    return row && { from: Number(row['leaf']) + 1, leaves: Number(row['evidence_leaves']) }
  }

  /** How many are not resolved, by kind; of one chain, or of all. */
  unresolved(of?: { instance: string; epoch: number }): Partial<Record<FindingKind, number>> {
    const rows = of ? this.#unresolvedOf.all(of.instance, of.epoch) : this.#unresolved.all()
    return Object.fromEntries(rows.map((row) => [row['kind'], row['count']]))
  }
}

function toFinding(row: Record<string, SQLOutputValue>): Finding {
  const { id, kind, instance, epoch, from_n, to_n, seq, detail, noticed_at, resolved_at } = row
  const present = { instance, epoch, from: from_n, to: to_n, resolvedAt: resolved_at }
  const given = Object.entries(present).filter(([, value]) => value !== null)
  const finding = { id, kind, seq, detail, noticedAt: noticed_at, ...Object.fromEntries(given) }
  return finding as unknown as Finding
}
