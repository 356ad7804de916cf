import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { JournalError, JournalErrorCode } from './errors.ts'

const LOCK_FILE = 'lock'
const SQLITE_BUSY = 5

/**
 * Takes a directory for this process alone, until it is disposed of or the process ends, however
 * it ends. Node has no file locks and SQLite has: an empty database in an exclusive transaction is
 * one that the kernel keeps, so no pid has to be judged dead, reused or of another container.
 * @throws {JournalError} `locked`
 */
export function lockDirectory(dir: string): Disposable {
  const database = new DatabaseSync(path.join(dir, LOCK_FILE), { timeout: 0 })
  try {
    database.exec('BEGIN EXCLUSIVE')
  } catch (cause) {
    database.close()
    if (!isBusy(cause)) throw cause
    throw new JournalError(
      JournalErrorCode.locked,
      `journal \`${dir}\` is open already: stop the process that has it, or give this one its ` +
        'own directory',
      { cause },
    )
  }
  return { [Symbol.dispose]: () => database.close() }
}

function isBusy(thrown: unknown): boolean {
  return thrown instanceof Error && 'errcode' in thrown && thrown.errcode === SQLITE_BUSY
}
