import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { canonicalJson } from '../log/canonical-json.ts'
import { NOTE_KINDS, type Note, type NoteBody, type NoteKind, traitsOf } from '../log/note.ts'

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS notes (
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    leaf INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (kind, key)
  ) STRICT, WITHOUT ROWID`

/** A note of the log, and which leaf it is. */
export interface IndexedNote {
  readonly leaf: number
  readonly body: NoteBody
}

/** The notes that count, by kind: each key with the newest note of it. */
export class Notes {
  readonly #put: StatementSync
  readonly #remove: StatementSync
  readonly #of: StatementSync
  readonly #forget: StatementSync

  constructor(db: DatabaseSync) {
    db.exec(SCHEMA)
    this.#put = db.prepare('INSERT OR REPLACE INTO notes VALUES (?, ?, ?, ?)')
    this.#remove = db.prepare('DELETE FROM notes WHERE kind = ? AND key = ?')
    this.#of = db.prepare('SELECT leaf, body FROM notes WHERE kind = ? ORDER BY leaf')
    this.#forget = db.prepare('DELETE FROM notes WHERE kind = ? AND leaf >= ? AND leaf < ?')
  }

  take({ kind, body }: Note, leaf: number): void {
    const { ends, indexed, key } = traitsOf(kind)
    if (indexed === false) return
    const text = canonicalJson(body)
    // Without a key of its own a note that is said again is known by what it says.
    const name = key?.(body) ?? (traitsOf(kind).standing ? text : String(leaf))
    this.#put.run(kind, name, leaf, text)
    if (ends !== undefined) this.#remove.run(ends, name)
  }

  /** Oldest first. */
  of(kind: NoteKind): IndexedNote[] {
    return this.#of.all(kind).map((row) => ({
      leaf: Number(row['leaf']),
      body: JSON.parse(String(row['body'])) as NoteBody,
    }))
  }

  /** What has to be said again where a shard begins. */
  standing(): Note[] {
    const kinds = (Object.keys(NOTE_KINDS) as NoteKind[]).filter((kind) => traitsOf(kind).standing)
    return kinds.flatMap((kind) => this.of(kind).map(({ body }) => ({ kind, body })))
  }

  /** Forgets the notes of leaves that were removed. */
  forget({ from, to }: { from: number; to: number }): void {
    for (const kind of Object.keys(NOTE_KINDS) as NoteKind[]) {
      if (!traitsOf(kind).standing) this.#forget.run(kind, from, to)
    }
  }
}
