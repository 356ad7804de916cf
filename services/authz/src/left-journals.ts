import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { COVERED_INTERVAL_MS, type Covered, messageOf } from '@verdict/contract'
import { type Journal, openJournal, RESEND_AFTER_MS, type Resender } from '@verdict/journal'
import type { CheckResult } from '@verdict/service'
import type { AuthzEvents } from './events.ts'
import { sealedKeysDir } from './personal/personal.ts'
import { SealedKeys } from './personal/sealed-keys.ts'
import type { RecordShipping } from './shipping.ts'

/** `journal` is that of the first process, which a single process has always had. */
const JOURNAL = /^journal-([1-9]\d?)$/
/** After so long the wait for the bus begins anew. */
const DRAIN_ROUND_MS = 5_000
/** Time to be told how far the log is, to send what it lacks, twice if need be, and to be told. */
const COVERED_MS_MAX = 2 * COVERED_INTERVAL_MS + 3 * RESEND_AFTER_MS
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
  readonly shipping: Pick<RecordShipping, 'ship' | 'resend'>
  readonly events: Pick<AuthzEvents, 'leftJournalShipped' | 'leftJournalFailed'>
}

/** A journal that nobody appends to any more. */
interface LeftJournal {
  readonly dir: string
  readonly journal: Journal
  readonly resender: Resender
  readonly sealed: SealedKeys | undefined
}

/**
 * Ships what processes left that are not started any more, one journal after the other, and keeps
 * each at hand until the log has all of it.
 */
export class LeftJournals implements AsyncDisposable {
  readonly #options: LeftJournalsOptions
  readonly #closing = new AbortController()
  readonly #done: Promise<void>
  readonly #failed: string[] = []
  /** By instance: those that are at hand. */
  readonly #open = new Map<string, LeftJournal>()
  readonly #covering: Promise<void>[] = []
  #waiting: number

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

  /** What the log covers of the journals that are at hand may go; what it lacks comes again. */
  covered(covered: Covered): void {
    const left = this.#open.get(covered.instance)
    if (left === undefined) return
    left.journal.cover(covered).catch((error: unknown) => {
      this.#options.events.leftJournalFailed(covered.instance, error)
    })
    left.resender.told(covered)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort()
    await this.#done
  }

  async #shipAll(): Promise<void> {
    const { dirs, events } = this.#options
    for (const dir of dirs) {
      if (this.#closing.signal.aborted) break
      try {
        if (!(await this.#ship(dir))) break
        this.#waiting -= 1
      } catch (error) {
        this.#failed.push(messageOf(error))
        events.leftJournalFailed(dir, error)
      }
    }
    await Promise.all(this.#covering)
  }

  /** False where the stop came before all was shipped. */
  async #ship(dir: string): Promise<boolean> {
    const { shipping, events } = this.#options
    await using resources = new AsyncDisposableStack()
    const journal = resources.use(await openJournal({ dir }))
    const sealed = resources.use(await SealedKeys.openLeft(sealedKeysDir(dir), journal))
    const ending = new AbortController()
    const signal = AbortSignal.any([this.#closing.signal, ending.signal])
    const records = journal.lastDurable - journal.shipped
    const resender = resources.use(shipping.resend(journal, signal, sealed))
    const shipper = shipping.ship(journal, signal, sealed)
    resources.defer(async () => {
      this.#open.delete(journal.instance)
      ending.abort()
      await shipper.done
    })
    const left = { dir, journal, resender, sealed }
    this.#open.set(journal.instance, left)
    let drained: boolean = false
    while (!drained && !signal.aborted) drained = await shipper.drain(DRAIN_ROUND_MS)
    if (!drained) return false
    if (records > 0) events.leftJournalShipped(journal.instance, records)
    this.#covering.push(this.#cover(left, resources.move()))
    return true
  }

  /** Keeps a journal until the log covers it, or for COVERED_MS_MAX; the next start tries again. */
  async #cover(left: LeftJournal, held: AsyncDisposableStack): Promise<void> {
    const { signal } = this.#closing
    const { dir, journal, sealed } = left
    const endAt = performance.now() + COVERED_MS_MAX
    try {
      await using _held = held
      while (journal.covered < journal.lastDurable) {
        if (performance.now() >= endAt || signal.aborted) break
        await delay(COVERED_POLL_MS, undefined, { signal }).catch(() => undefined)
      }
      await sealed?.release(journal.covered)
    } catch (error) {
      this.#failed.push(messageOf(error))
      this.#options.events.leftJournalFailed(dir, error)
    }
  }
}
