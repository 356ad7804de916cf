import { type FSWatcher, watch } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

/** Editors write a file in several steps: this long after the first, all are done. */
const SETTLE_MS = 100

/**
 * Yields whenever a folder may have changed, until the signal is aborted: soon after the file
 * system says so, and every `pollMs` in any case, since it cannot be relied on to say so (network
 * file systems, links, watches that ran out). Changes meanwhile are one change.
 */
export async function* folderChanges(
  folder: string,
  { pollMs, signal }: { pollMs: number; signal: AbortSignal },
): AsyncGenerator<void> {
  let noticed = Promise.withResolvers<void>()
  const notice = (): void => noticed.resolve()
  signal.addEventListener('abort', notice, { once: true })
  let watcher: FSWatcher | undefined
  const forget = (): void => {
    watcher?.close()
    watcher = undefined
  }
  try {
    while (!signal.aborted) {
      watcher ??= watchFolder(folder, notice, forget)
      const poll = setTimeout(notice, pollMs)
      await noticed.promise
      clearTimeout(poll)
      if (signal.aborted) return
      await delay(SETTLE_MS)
      noticed = Promise.withResolvers<void>()
      yield
    }
  } finally {
    forget()
    signal.removeEventListener('abort', notice)
  }
}

/** Undefined where the folder cannot be watched: it is only polled then, and tried again. */
function watchFolder(
  folder: string,
  onChange: () => void,
  onFailed: () => void,
): FSWatcher | undefined {
  try {
    return watch(folder, { recursive: true }, onChange).on('error', onFailed)
  } catch {
    return undefined
  }
}
