import { DatabaseSync } from 'node:sqlite'
import { setTimeout as delay } from 'node:timers/promises'

const SQLITE_BUSY = 5
/** How often a process that waits looks again. */
const POLL_MS = 50

/**
 * Waits until no other process builds in a folder, so that one builds what all need. The lock is
 * the kernel's, through an empty database: it goes with its process. Whoever has waited for
 * `timeoutMs`, or is to stop, goes on without a turn: to build twice costs time and nothing else.
 */
export async function buildTurn(
  file: string,
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal?: AbortSignal | undefined },
): Promise<Disposable> {
  using resources = new DisposableStack()
  const database = resources.adopt(new DatabaseSync(file, { timeout: 0 }), (it) => it.close())
  const deadlineMs = performance.now() + timeoutMs
  while (!isTaken(database) && performance.now() < deadlineMs && !signal?.aborted) {
    await delay(POLL_MS)
  }
  return resources.move()
}

function isTaken(database: DatabaseSync): boolean {
  try {
    database.exec('BEGIN EXCLUSIVE')
    return true
  } catch (error) {
    if (error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY) return false
    throw error
  }
}
