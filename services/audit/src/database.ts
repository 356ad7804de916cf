import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { messageOf } from '@verdict/contract'
import { AuditError, AuditErrorCode } from './errors.ts'

const FILE = 'audit.db'
/** Grows with each change of a table; an older service refuses a newer store. */
const SCHEMA_VERSION = 1

/** The primary result codes of SQLite that are handled by name (sqlite.org/rescode.html). */
const SQLITE_BUSY = 5
const SQLITE_IOERR = 10
const SQLITE_CORRUPT = 11
const SQLITE_NOTADB = 26

/**
 * Opens the store in a directory, alone: SQLite's lock is held until the database is closed or
 * the process ends, so that a second writer is refused. A commit is on disk when it returns
 * (`synchronous=FULL`).
 * @throws {AuditError} `data_dir_in_use`, `data_dir_too_new`, `store_failed`
 */
export function openDatabase(dir: string): DatabaseSync {
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  const path = join(dir, FILE)
  let db: DatabaseSync | undefined
  try {
    db = new DatabaseSync(path)
    db.exec('PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL')
    // The exclusive lock is taken by the first transaction, not by the pragma.
    db.exec('BEGIN EXCLUSIVE; COMMIT')
    refuseNewer(db, path)
    return db
  } catch (cause) {
    db?.close()
    if (cause instanceof AuditError) throw cause
    if (primaryCode(cause) !== SQLITE_BUSY) throw storeError(`can't open \`${path}\``, cause)
    throw new AuditError(
      AuditErrorCode.dataDirInUse,
      `\`${dir}\` is in use by another audit service: stop it, or set VERDICT_AUDIT_DATA_DIR`,
      { cause },
    )
  }
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

/** True of an error after which the files can't be trusted in this process: it has to end. */
export function isFatal(error: unknown): boolean {
  const code = primaryCode(error instanceof AuditError ? error.cause : error)
  return code === SQLITE_IOERR || code === SQLITE_CORRUPT || code === SQLITE_NOTADB
}

function refuseNewer(db: DatabaseSync, path: string): void {
  const version = pragma(db, 'user_version')
  if (version > SCHEMA_VERSION) {
    throw new AuditError(
      AuditErrorCode.dataDirTooNew,
      `\`${path}\` has schema ${version}, this service knows ${SCHEMA_VERSION}: upgrade it`,
    )
  }
  db.exec(`PRAGMA user_version=${SCHEMA_VERSION}`)
}

function pragma(db: DatabaseSync, name: string): number {
  return Number(Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0])
}

function storeError(what: string, cause: unknown): AuditError {
  return new AuditError(AuditErrorCode.storeFailed, `${what}: ${messageOf(cause)}`, { cause })
}

function primaryCode(error: unknown): number | undefined {
  const code = error instanceof Error && 'errcode' in error ? error.errcode : undefined
  return typeof code === 'number' ? code & 0xff : undefined
}
