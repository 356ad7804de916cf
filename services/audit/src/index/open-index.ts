import type { DatabaseSync } from 'node:sqlite'
import { isBroken, openAlone, pragma, removeDatabase } from '../database.ts'

/** Grows with each change of a table: an index of another version is built again. */
const SCHEMA_VERSION = 2

/** Pages of changes that are gathered before they are put in their places: about 40 MB. */
const WAL_PAGES = 10_000
/** Of pages in memory: with SQLite's 2 MiB those at which the indexes grow are read again and again. */
const CACHE_KIBIBYTES = 32 * 1024

/**
 * Opens the index. It is never the truth: a file that is broken, or of another version, is removed,
 * and what was in it is read from the log again.
 * @throws {AuditError} `data_dir_in_use`, `store_failed`
 */
export function openIndex(file: string): DatabaseSync {
  try {
    const db = openAlone(file, { durable: false })
    const version = pragma(db, 'user_version')
    if (version === 0 || version === SCHEMA_VERSION) return stamped(db)
    db.close()
  } catch (error) {
    if (!isBroken(error)) throw error
  }
  removeDatabase(file)
  return stamped(openAlone(file, { durable: false }))
}

function stamped(db: DatabaseSync): DatabaseSync {
  const bounds = `PRAGMA wal_autocheckpoint=${WAL_PAGES}; PRAGMA cache_size=-${CACHE_KIBIBYTES}`
  db.exec(`PRAGMA user_version=${SCHEMA_VERSION}; ${bounds}`)
  return db
}
