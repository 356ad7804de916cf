import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { COVERED_INTERVAL_MS, type Covered, messageOf } from '@verdict/contract'
import { type Journal, openJournal } from '@verdict/journal'
import type { CheckResult } from '@verdict/service'
import type { AuthzEvents } from './events.ts'
import { sealedKeysDir } from './personal/personal.ts'
import { SealedKeys } from './personal/sealed-keys.ts'
import type { RecordShipping } from './shipping.ts'

/** `journal` is that of the first process, which a single process has always had. */
const JOURNAL = /^journal-([1-9]\d?)$/
/** After so long the wait for the bus begins anew. */
const DRAIN_ROUND_MS = 5_000
/** All journals are told of in this time, where there is an audit service. */
const COVERED_MS_MAX = 2 * COVERED_INTERVAL_MS
const COVERED_POLL_MS = 100

/** The folder of a process's journal. Each has its own: a chain of records has one writer. */
export function journalDir(dataDir: string, index: number): string {
  return join(dataDir, index === 1 ? 'journal' : `journal-${index}`)
}

/** The folders of journals of processes that there were once, and are not any more. */
export async function leftJournalDirs(dataDir: string, count: number): Promise<string[]> {
  const names = await readdir(dataDir)
  const indexes = names.map((name) => Number(JOURNAL.exec(name)?.[1] ?? 0))
  return indexes.filter((index) => index > count).map((index) => journalDir(dataDir, index))
}

export interface LeftJournalsOptions {
  readonly dirs: readonly string[]
  readonly shipping: Pick<RecordShipping, 'ship'>
  readonly events: Pick<AuthzEvents, 'leftJournalShipped' | 'leftJournalFailed'>
}

/** Ships what processes left that are not started any more, one journal after the other. */
export class LeftJournals implements AsyncDisposable {
  readonly #options: LeftJournalsOptions
  readonly #closing = new AbortController()
  readonly #done: Promise<void>
  readonly #failed: string[] = []
  #waiting: number
  #open: Journal | undefined

  constructor(options: LeftJournalsOptions) {
    this.#options = options
    this.#waiting = options.dirs.length
    this.#done = this.#shipAll()
  }

  /** Told, and no reason not to be ready: what is not shipped stays, and the next start tries. */
  health(): CheckResult {
    const { length } = this.#options.dirs
    const which = `journals of processes that are not configured any more: ${length}`
    const failed = this.#failed.map((why) => `; not shipped: ${why}`).join('')
    return { ok: true, detail: `${which}, to be shipped: ${this.#waiting}${failed}` }
  }

  /** What the log covers of the journal that is being shipped may go. */
  covered(covered: Covered): void {
    const journal = this.#open
    if (journal === undefined || covered.instance !== journal.instance) return
    journal.cover(covered).catch((error: unknown) => {
      this.#options.events.leftJournalFailed(journal.instance, error)
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort()
    await this.#done
  }

  async #shipAll(): Promise<void> {
    const { dirs, events } = this.#options
    for (const dir of dirs) {
      if (this.#closing.signal.aborted) return
      try {
        if (!(await this.#ship(dir))) return
        this.#waiting -= 1
      } catch (error) {
        this.#failed.push(messageOf(error))
        events.leftJournalFailed(dir, error)
      }
    }
  }

  /** False where the stop came before all was shipped. */
  async #ship(dir: string): Promise<boolean> {
    const { shipping, events } = this.#options
    const { signal } = this.#closing
    await using journal = await openJournal({ dir })
    const records = journal.lastDurable - journal.shipped
    if (records === 0 && journal.segments === 1) return true
    this.#open = journal
    const ending = new AbortController()
    await using sealed = await SealedKeys.openLeft(sealedKeysDir(dir), journal)
    const shipper = shipping.ship(journal, AbortSignal.any([signal, ending.signal]), sealed)
    let drained: boolean = false
    while (!drained && !signal.aborted) drained = await shipper.drain(DRAIN_ROUND_MS)
    ending.abort()
    await shipper.done
    if (drained && records > 0) events.leftJournalShipped(journal.instance, records)
    if (drained) await this.#releasable(journal)
    await sealed?.release(journal.covered)
    this.#open = undefined
    return drained
  }

  /** Waits until the log covers what is shipped, or COVERED_MS_MAX; the next start tries again. */
  async #releasable(journal: Journal): Promise<void> {
    const { signal } = this.#closing
    const endAt = performance.now() + COVERED_MS_MAX
    while (journal.segments > 1 && performance.now() < endAt && !signal.aborted) {
      await delay(COVERED_POLL_MS, undefined, { signal }).catch(() => undefined)
    }
  }
}
