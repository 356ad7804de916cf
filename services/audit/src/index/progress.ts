import type { DatabaseSync, StatementSync } from 'node:sqlite'

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS progress (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    log TEXT NOT NULL,
    last_index INTEGER NOT NULL,
    last_leaf TEXT NOT NULL,
    decisions INTEGER NOT NULL,
    bytes INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS asides (
    after_decision INTEGER PRIMARY KEY,
    leaves INTEGER NOT NULL
  ) STRICT`

/** How far the index has come through the log. */
export interface Progress {
  /** The verifier key of the log; empty before the first leaf. */
  log: string
  /** The index of the last leaf that is taken in; `-1` before the first. */
  lastIndex: number
  /** The hash of that leaf. */
  lastLeaf: string
  /** How many leaves are decisions. */
  decisions: number
  /** Of all leaves. */
  bytes: number
}

/**
 * Where the index is in the log, and where in the log each decision is: decisions are counted from
 * 1, leaves of all kinds from 0, so it is enough to know of the other leaves.
 */
export class ProgressTable {
  readonly #save: StatementSync
  readonly #load: StatementSync
  readonly #addAside: StatementSync
  readonly #asidesBefore: StatementSync
  /** Read when it is needed: after an error the database may be gone. */
  #loaded: Progress | undefined

  constructor(db: DatabaseSync) {
    db.exec(SCHEMA)
    this.#load = db.prepare('SELECT log, last_index, last_leaf, decisions, bytes FROM progress')
    this.#save = db.prepare('INSERT OR REPLACE INTO progress VALUES (1, ?, ?, ?, ?, ?)')
    this.#addAside = db.prepare('INSERT OR REPLACE INTO asides VALUES (?, ?)')
    this.#asidesBefore = db.prepare(
      'SELECT leaves FROM asides WHERE after_decision < ? ORDER BY after_decision DESC LIMIT 1',
    )
  }

  get current(): Readonly<Progress> {
    return this.#current
  }

  /** Counts a leaf; tells the number of the decision where it is one. */
  count(leaf: { index: number; bytes: number; isDecision: boolean }): number {
    const now = this.#current
    now.lastIndex = leaf.index
    now.bytes += leaf.bytes
    if (leaf.isDecision) return ++now.decisions
    this.#addAside.run(now.decisions, leaf.index + 1 - now.decisions)
    return now.decisions
  }

  /** A shard begins behind so many decisions, of which some may have been pruned. */
  continueAt(decisions: number): void {
    this.#current.decisions = decisions
  }

  /** The index of the leaf of a decision. */
  leafOf(decision: number): number {
    const asides = Number(this.#asidesBefore.get(decision)?.['leaves'] ?? 0)
    return decision - 1 + asides
  }

  /** Writes down how far it is; the last step before a commit. */
  flush(log: string, lastLeaf: string): void {
    Object.assign(this.#current, { log, lastLeaf })
    const { lastIndex, decisions, bytes } = this.#current
    this.#save.run(log, lastIndex, lastLeaf, decisions, bytes)
  }

  /** Takes back what has changed since the last commit. */
  rolledBack(): void {
    this.#loaded = undefined
  }

  get #current(): Progress {
    this.#loaded ??= this.#read()
    return this.#loaded
  }

  #read(): Progress {
    const row = this.#load.get()
    return {
      log: String(row?.['log'] ?? ''),
      lastIndex: Number(row?.['last_index'] ?? -1),
      lastLeaf: String(row?.['last_leaf'] ?? ''),
      decisions: Number(row?.['decisions'] ?? 0),
      bytes: Number(row?.['bytes'] ?? 0),
    }
  }
}
