import type { DatabaseSync, SQLOutputValue, StatementSync } from 'node:sqlite'
import { genesisHash } from '@verdict/contract'

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS chains (
    id INTEGER PRIMARY KEY,
    instance TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    last INTEGER NOT NULL,
    last_hash TEXT NOT NULL,
    seen_at INTEGER NOT NULL,
    UNIQUE (instance, epoch)
  ) STRICT;
  CREATE TABLE IF NOT EXISTS places (
    chain INTEGER NOT NULL,
    n INTEGER NOT NULL,
    idx INTEGER NOT NULL,
    link TEXT NOT NULL,
    PRIMARY KEY (chain, n)
  ) STRICT, WITHOUT ROWID`
const COLUMNS = 'id, instance, epoch, last, last_hash, seen_at'

/** Chains in memory; beyond this many all are forgotten, and read again when a line needs them. */
const CACHED_MAX = 1024

/** How a line hangs together with the one before it. */
export const Link = {
  /** Its hash follows from the line before it. */
  linked: 'linked',
  /** The line before it is not here yet, so nobody can tell. */
  unlinked: 'unlinked',
  /** Its hash does not follow from the line before it. */
  broken: 'broken',
} as const
export type Link = (typeof Link)[keyof typeof Link]

/** Where one journal stands: the life of one journal directory of one decision point. */
export interface Chain {
  readonly id: number
  readonly instance: string
  readonly epoch: number
  /** The highest place that is in the log; `0` before the first. */
  last: number
  /** The chain hash of that line. */
  lastHash: string
  /** The time of the last decision, as its record tells it, in ms. */
  seenAtMs: number
}

/** A place in a chain that a line of the log has taken. */
export interface Place {
  /** The number of the decision. */
  readonly index: number
  readonly link: Link
}

/** The chains and their places as tables. */
export class Chains {
  readonly #cache = new Map<string, Chain>()
  readonly #changed = new Set<Chain>()
  readonly #moved = new Map<string, Pick<Chain, 'instance' | 'epoch'>>()
  readonly #select: StatementSync
  readonly #create: StatementSync
  readonly #update: StatementSync
  readonly #page: StatementSync
  readonly #place: StatementSync
  readonly #takePlace: StatementSync
  readonly #setLink: StatementSync

  constructor(db: DatabaseSync) {
    db.exec(SCHEMA)
    this.#select = db.prepare(`SELECT ${COLUMNS} FROM chains WHERE instance = ? AND epoch = ?`)
    this.#create = db.prepare(
      `INSERT INTO chains (instance, epoch, last, last_hash, seen_at) VALUES (?, ?, 0, ?, 0)
       RETURNING ${COLUMNS}`,
    )
    this.#update = db.prepare('UPDATE chains SET last = ?, last_hash = ?, seen_at = ? WHERE id = ?')
    this.#page = db.prepare(`SELECT ${COLUMNS} FROM chains WHERE id < ? ORDER BY id DESC LIMIT ?`)
    this.#place = db.prepare('SELECT idx, link FROM places WHERE chain = ? AND n = ?')
    this.#takePlace = db.prepare('INSERT INTO places (chain, n, idx, link) VALUES (?, ?, ?, ?)')
    this.#setLink = db.prepare('UPDATE places SET link = ? WHERE chain = ? AND n = ?')
  }

  /** The chain of a journal; it begins here if nobody has seen it before. */
  of(instance: string, epoch: number): Chain {
    const key = `${epoch} ${instance}`
    const cached = this.#cache.get(key)
    if (cached) return cached
    const row =
      this.#select.get(instance, epoch) ??
      this.#create.get(instance, epoch, genesisHash(instance, epoch))
    const chain = toChain(row ?? {})
    this.#cache.set(key, chain)
    return chain
  }

  /** The line at a place; undefined where there is none. */
  at(chain: Chain, n: number): Place | undefined {
    if (n > chain.last) return undefined
    const row = this.#place.get(chain.id, n)
    return row && { index: Number(row['idx']), link: row['link'] as Link }
  }

  take(chain: Chain, n: number, place: Place): void {
    const { instance, epoch } = chain
    this.#moved.set(`${epoch} ${instance}`, { instance, epoch })
    this.#takePlace.run(chain.id, n, place.index, place.link)
  }

  setLink(chain: Chain, n: number, link: Link): void {
    this.#setLink.run(link, chain.id, n)
  }

  /** Moves the head of a chain. */
  advance(chain: Chain, head: { n: number; hash: string; timeMs: number }): void {
    chain.last = head.n
    chain.lastHash = head.hash
    chain.seenAtMs = head.timeMs
    this.#changed.add(chain)
  }

  /** Writes the heads that have moved; the last step before a commit. */
  flush(): void {
    for (const { id, last, lastHash, seenAtMs } of this.#changed) {
      this.#update.run(last, lastHash, seenAtMs, id)
    }
    this.#changed.clear()
    if (this.#cache.size > CACHED_MAX) this.#cache.clear()
  }

  /** The chains that have taken lines since this was asked last. */
  moved(): Chain[] {
    const moved = [...this.#moved.values()]
    this.#moved.clear()
    return moved.map(({ instance, epoch }) => this.of(instance, epoch))
  }

  /** Takes back what has changed since the last commit. */
  rolledBack(): void {
    this.#cache.clear()
    this.#changed.clear()
  }

  /** The chains below an id, the newest first. */
  page(page: { before: number; limit: number }): Chain[] {
    return this.#page.all(page.before, page.limit).map(toChain)
  }
}

function toChain(row: Record<string, SQLOutputValue>): Chain {
  return {
    id: Number(row['id']),
    instance: String(row['instance']),
    epoch: Number(row['epoch']),
    last: Number(row['last']),
    lastHash: String(row['last_hash']),
    seenAtMs: Number(row['seen_at']),
  }
}
