import { closeSync, existsSync, fsyncSync, openSync, renameSync } from 'node:fs'
import path from 'node:path'
import type { DatabaseSync, SQLOutputValue } from 'node:sqlite'
import { setImmediate as yieldToOthers } from 'node:timers/promises'
import { parseJournalLine } from '@verdict/contract'
import type { NewFinding } from './chain/finding.ts'
import { openAlone, pragma } from './database.ts'
import { AuditError, AuditErrorCode } from './errors.ts'
import { nothingRecorded, type Recalled, type Recorder } from './ingest/recorder.ts'

const FILE = 'audit.db'
/** The version of the tables that are brought over. */
const SCHEMA_VERSION = 1
/** Lines that are brought over in one transaction: at most 16 MiB. */
const CHUNK_LINES = 256

type Write = <T>(
  work: (recorder: Recorder) => T,
  recall: (key: string) => Recalled | undefined,
) => T

/**
 * The store of a version that kept the lines in a database. They are judged again in their order,
 * so a crash in between costs nothing: what is in the log already is known. Findings keep their
 * times; those that don't follow from the lines come last.
 */
export class LegacyStore implements Disposable {
  readonly #db: DatabaseSync
  readonly #file: string
  readonly #onProgress: (done: number, total: number) => void

  private constructor(
    file: string,
    db: DatabaseSync,
    onProgress: (done: number, total: number) => void,
  ) {
    this.#file = file
    this.#db = db
    this.#onProgress = onProgress
  }

  /**
   * Undefined where there is none.
   * @throws {AuditError} `data_dir_in_use`, `data_dir_too_new`, `store_failed`
   */
  static open(
    dir: string,
    onProgress: (done: number, total: number) => void,
  ): LegacyStore | undefined {
    const file = path.join(dir, FILE)
    if (!existsSync(file)) return undefined
    const db = openAlone(file, { durable: true })
    const version = pragma(db, 'user_version')
    if (version <= SCHEMA_VERSION) return new LegacyStore(file, db, onProgress)
    db.close()
    throw new AuditError(
      AuditErrorCode.dataDirTooNew,
      `\`${file}\` has schema ${version}, this service knows ${SCHEMA_VERSION}: upgrade it`,
    )
  }

  /** Brings everything into the log. */
  async bringOver(write: Write): Promise<void> {
    if (!this.#hasTable('log')) return
    const recall = (key: string): Recalled | undefined => this.#recall(key)
    const total = this.#count('SELECT coalesce(max(idx), 0) AS count FROM log')
    const select = this.#db.prepare(
      'SELECT idx, hash, json FROM log WHERE idx > ? ORDER BY idx LIMIT ?',
    )
    for (let done = 0; ; ) {
      const rows = select.all(done, CHUNK_LINES)
      if (rows.length === 0) break
      write((recorder) => {
        const recorded = nothingRecorded()
        for (const { hash, json } of rows) {
          recorder.recordLine(parseJournalLine(`${hash} ${json}`), { seq: 0 }, recorded)
        }
      }, recall)
      done = Number(rows.at(-1)?.['idx'])
      this.#onProgress(done, total)
      await yieldToOthers()
    }
    const findings = this.#db.prepare('SELECT * FROM findings ORDER BY id')
    for (const row of findings.iterate()) {
      write((recorder) => recorder.note(nothingRecorded(), toNewFinding(row)), recall)
    }
  }

  /** Puts the database aside, after all of it is in the log; it may be deleted then. */
  retire(): void {
    this.#db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    this.#db.close()
    renameSync(this.#file, `${this.#file}.migrated`)
    const dir = openSync(path.dirname(this.#file), 'r')
    fsyncSync(dir)
    closeSync(dir)
  }

  [Symbol.dispose](): void {
    if (this.#db.isOpen) this.#db.close()
  }

  #recall(key: string): Recalled | undefined {
    const row = this.#db
      .prepare('SELECT seq, noticed_at, resolved_at FROM findings WHERE key = ?')
      .get(key)
    if (row === undefined) return undefined
    const resolved = row['resolved_at']
    return {
      seq: Number(row['seq']),
      noticedAt: String(row['noticed_at']),
      ...(resolved === null ? {} : { resolvedAt: String(resolved) }),
    }
  }

  #hasTable(name: string): boolean {
    const sql = "SELECT count(*) AS count FROM sqlite_schema WHERE type = 'table' AND name = ?"
    return Number(this.#db.prepare(sql).get(name)?.['count']) > 0
  }

  #count(sql: string): number {
    return Number(this.#db.prepare(sql).get()?.['count'])
  }
}

function toNewFinding(row: Record<string, SQLOutputValue>): NewFinding {
  const { key, kind, instance, epoch, from_n, to_n, seq, detail, evidence } = row
  const given = Object.entries({ instance, epoch, from: from_n, to: to_n, evidence })
  const present = Object.fromEntries(given.filter(([, value]) => value !== null))
  return { key, kind, seq, detail, ...present } as unknown as NewFinding
}
