import { mkdirSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { messageOf } from '@verdict/contract'
import { AuditError, AuditErrorCode } from './errors.ts'

/** The primary result codes of SQLite that are handled by name (sqlite.org/rescode.html). */
export const SQLITE_BUSY = 5
const SQLITE_IOERR = 10
const SQLITE_CORRUPT = 11
const SQLITE_NOTADB = 26

/**
 * Opens a database alone: SQLite's lock is held until it is closed or the process ends, so that a
 * second writer is refused. `durable` says whether a commit is on disk when it returns; without it
 * a loss of power takes back the newest ones, and all tables stay in order.
 * @throws {AuditError} `data_dir_in_use`, `store_failed`
 */
export function openAlone(path: string, { durable }: { durable: boolean }): DatabaseSync {
  let db: DatabaseSync | undefined
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    db = new DatabaseSync(path)
    db.exec('PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL')
    db.exec(`PRAGMA synchronous=${durable ? 'FULL' : 'NORMAL'}`)
    // The exclusive lock is taken by the first transaction, not by the pragma.
    db.exec('BEGIN EXCLUSIVE; COMMIT')
    return db
  } catch (cause) {
    db?.close()
    if (primaryCode(cause) !== SQLITE_BUSY) throw storeError(`can't open \`${path}\``, cause)
    throw new AuditError(
      AuditErrorCode.dataDirInUse,
      `\`${dirname(path)}\` is in use by another audit service: stop it, set ` +
        'VERDICT_AUDIT_DATA_DIR, or have this one stand by with VERDICT_AUDIT_STANDBY=on',
      { cause },
    )
  }
}

/** Removes a database with the files that SQLite keeps beside it. */
export function removeDatabase(path: string): void {
  for (const suffix of ['', '-wal', '-shm']) rmSync(`${path}${suffix}`, { force: true })
}

/** Runs `work` in one transaction: all of it is on disk afterwards, or none of it. */
export function inTransaction<T>(db: DatabaseSync, work: () => T): T {
  try {
    db.exec('BEGIN IMMEDIATE')
    const result = work()
    db.exec('COMMIT')
    return result
  } catch (cause) {
    // SQLite has already rolled back after some errors, such as a full disk.
    if (db.isOpen && db.isTransaction) db.exec('ROLLBACK')
    throw cause instanceof AuditError ? cause : storeError("can't write the log", cause)
  }
}

/** The bytes that the tables take. */
export function databaseBytes(db: DatabaseSync): number {
  return pragma(db, 'page_count') * pragma(db, 'page_size')
}

const FATAL: ReadonlySet<AuditErrorCode> = new Set([
  AuditErrorCode.indexBehind,
  AuditErrorCode.lockLost,
  AuditErrorCode.logDamaged,
  AuditErrorCode.logFailed,
])

/** True of an error after which the files can't be trusted in this process: it has to end. */
export function isFatal(error: unknown): boolean {
  if (error instanceof AuditError && FATAL.has(error.code)) return true
  const code = primaryCode(error instanceof AuditError ? error.cause : error)
  return code === SQLITE_IOERR || code === SQLITE_CORRUPT || code === SQLITE_NOTADB
}

/** True of an error that says that a file is no database any more. */
export function isBroken(error: unknown): boolean {
  const code = primaryCode(error instanceof AuditError ? error.cause : error)
  return code === SQLITE_CORRUPT || code === SQLITE_NOTADB
}

export function pragma(db: DatabaseSync, name: string): number {
  return Number(Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0])
}

export function storeError(what: string, cause: unknown): AuditError {
  return new AuditError(AuditErrorCode.storeFailed, `${what}: ${messageOf(cause)}`, { cause })
}

export function primaryCode(error: unknown): number | undefined {
  const code = error instanceof Error && 'errcode' in error ? error.errcode : undefined
  return typeof code === 'number' ? code & 0xff : undefined
}
