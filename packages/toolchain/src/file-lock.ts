import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { ToolchainError, ToolchainErrorCode } from './errors.ts'

const RETRY_MS = 200
const SQLITE_BUSY = 5

export interface FileLockOptions {
  /** Waiting ends with `lock_timeout` after this long; 0 tries once. */
  readonly timeoutMs: number
  readonly signal?: AbortSignal
  /** Called once when the lock turns out to be held by another. */
  readonly onWait?: () => void
}

export interface FileLock {
  release(): void
}

/**
 * Locks a file between processes. The lock is SQLite's, and so the kernel's: it goes with the
 * process that holds it, however that ends, and there is nothing stale to clean up.
 * @throws {ToolchainError} `lock_timeout`
 */
export async function lockFile(file: string, options: FileLockOptions): Promise<FileLock> {
  await mkdir(path.dirname(file), { recursive: true })
  const deadline = Date.now() + options.timeoutMs
  let waited = false
  for (;;) {
    const lock = tryLock(file)
    if (lock !== undefined) return lock
    if (!waited) options.onWait?.()
    waited = true
    if (Date.now() >= deadline) {
      throw new ToolchainError(
        ToolchainErrorCode.lockTimeout,
        `\`${file}\` is locked by another process: wait for its end or end it`,
      )
    }
    await sleep(RETRY_MS, undefined, options.signal ? { signal: options.signal } : {})
  }
}

function tryLock(file: string): FileLock | undefined {
  const database = new DatabaseSync(file, { timeout: 0 })
  try {
    database.exec('BEGIN EXCLUSIVE')
    return { release: () => database.close() }
  } catch (error) {
    database.close()
    if ((error as { errcode?: number }).errcode === SQLITE_BUSY) return undefined
    throw error
  }
}
