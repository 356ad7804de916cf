import { existsSync, statSync } from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { messageOf } from '@verdict/contract'
import type { TreeHead } from '@verdict/tlog'
import { CliError, CliErrorCode } from '../errors.ts'
import { syncFolder } from './durable-files.ts'

export const REGISTER_FILE = 'witness.db'

/** Primary result codes of SQLite (sqlite.org/rescode.html). */
const SQLITE_BUSY = 5
const SQLITE_CORRUPT = 11
const SQLITE_NOTADB = 26

const SCHEMA = `
  CREATE TABLE place (id INTEGER PRIMARY KEY CHECK (id = 1), identity TEXT NOT NULL) STRICT;
  CREATE TABLE keys (vkey TEXT PRIMARY KEY) STRICT;
  CREATE TABLE heads (origin TEXT PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL) STRICT`

/**
 * What a witness has in its state directory: its keys, and the newest tree of each log. Whatever is
 * missing or older than the register says was lost or put back. It is held alone for as long as
 * it is open, by a lock that the kernel takes back however the process ends.
 */
export class StateRegister implements Disposable {
  readonly #db: DatabaseSync

  private constructor(db: DatabaseSync) {
    this.#db = db
  }

  /**
   * @param isEmpty whether the directory holds nothing of a witness but perhaps the register
   * @param acceptCopy take a register that was copied here for the newest one
   * @throws {CliError} `witness_state_in_use`, `witness_state_damaged`, `witness_state_copied`
   */
  static open(
    dir: string,
    { isEmpty, acceptCopy }: { isEmpty: boolean; acceptCopy: boolean },
  ): StateRegister {
    const file = path.join(dir, REGISTER_FILE)
    const isNew = !existsSync(file)
    if (isNew && !isEmpty) throw damaged(dir, `\`${REGISTER_FILE}\` is missing`)
    const db = openAlone(dir, file)
    try {
      const identity = identityOf(file)
      if (db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'place'").get() === undefined) {
        if (!isEmpty) throw damaged(dir, `\`${REGISTER_FILE}\` is empty`)
        db.exec(`BEGIN; ${SCHEMA}; INSERT INTO place VALUES (1, '${identity}'); COMMIT`)
        syncFolder(dir)
      }
      const isMoved = db.prepare('SELECT identity FROM place').get()?.['identity'] !== identity
      if (isMoved && !acceptCopy) throw copied(dir)
      if (isMoved) db.prepare('UPDATE place SET identity = ?').run(identity)
      return new StateRegister(db)
    } catch (error) {
      db.close()
      throw isBroken(error) ? damaged(dir, `\`${file}\`: ${messageOf(error)}`, error) : error
    }
  }

  vkeys(): string[] {
    const rows = this.#db.prepare('SELECT vkey FROM keys').all()
    return rows.map((row) => String(row['vkey']))
  }

  addKey(vkey: string): void {
    this.#db.prepare('INSERT INTO keys VALUES (?)').run(vkey)
  }

  heads(): Map<string, TreeHead> {
    const rows = this.#db.prepare('SELECT origin, size, root FROM heads').all()
    return new Map(
      rows.map(({ origin, size, root }) => [
        String(origin),
        { size: Number(size), root: root as Uint8Array },
      ]),
    )
  }

  /** Compare and set, on disk when it returns; false where the head is another one by now. */
  replace(origin: string, from: TreeHead | undefined, to: TreeHead): boolean {
    const { changes } =
      from === undefined
        ? this.#db
            .prepare('INSERT INTO heads VALUES (?, ?, ?) ON CONFLICT DO NOTHING')
            .run(origin, to.size, to.root)
        : this.#db
            .prepare(
              'UPDATE heads SET size = ?, root = ? WHERE origin = ? AND size = ? AND root = ?',
            )
            .run(to.size, to.root, origin, from.size, from.root)
    return changes === 1
  }

  [Symbol.dispose](): void {
    this.#db.close()
  }
}

/** A state that must not be continued, and what to do then. */
export function damaged(dir: string, what: string, cause?: unknown): CliError {
  return new CliError(
    CliErrorCode.witnessStateDamaged,
    `the state of the witness in \`${dir}\` is damaged: ${what}: a witness that forgot what it ` +
      'cosigned could cosign its opposite, so put back what is missing if it is the newest there ' +
      'was, else begin anew with an empty directory and give its new keys to the logs',
    { cause },
  )
}

/** Which file it is, whatever it holds: a copy is another one, so a backup put back shows. */
function identityOf(file: string): string {
  const { ino, birthtimeNs } = statSync(file, { bigint: true })
  // Numbers of files are given again, times are not.
  return `${ino} ${birthtimeNs}`
}

function copied(dir: string): CliError {
  return new CliError(
    CliErrorCode.witnessStateCopied,
    `the state of the witness in \`${dir}\` was copied there, and may be older than what it ` +
      'cosigned since: if this is the newest state and no other witness runs with it, start once ' +
      'with `--accept-copied-state`, else begin anew with an empty directory',
  )
}

function openAlone(dir: string, file: string): DatabaseSync {
  let db: DatabaseSync | undefined
  try {
    db = new DatabaseSync(file, { timeout: 0 })
    db.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA synchronous = EXTRA')
    // The lock is taken by the first transaction, not by the pragma.
    db.exec('BEGIN EXCLUSIVE; COMMIT')
    return db
  } catch (cause) {
    db?.close()
    if (isBroken(cause)) throw damaged(dir, `\`${file}\`: ${messageOf(cause)}`, cause)
    if (primaryCode(cause) !== SQLITE_BUSY) throw cause
    throw new CliError(
      CliErrorCode.witnessStateInUse,
      `another witness runs with \`${dir}\`: stop it, or give this one its own \`--state-dir\``,
      { cause },
    )
  }
}

function isBroken(error: unknown): boolean {
  const code = primaryCode(error)
  return code === SQLITE_CORRUPT || code === SQLITE_NOTADB
}

function primaryCode(error: unknown): number | undefined {
  const code = error instanceof Error && 'errcode' in error ? error.errcode : undefined
  return typeof code === 'number' ? code & 0xff : undefined
}
