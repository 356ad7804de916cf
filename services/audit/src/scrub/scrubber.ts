import { setTimeout as delay } from 'node:timers/promises'
import { FindingKind } from '../chain/finding.ts'
import type { AuditError } from '../errors.ts'
import type { Store } from '../store.ts'
import { type Damage, damageError } from './damage.ts'
import type { DamageMark } from './damage-mark.ts'
import { DamageFound, scrubRound, verifyRange } from './log-scrub.ts'
import type { ScrubEvents } from './scrub-events.ts'

/** From the end of a round to the begin of the next one: a small log is not read all the time. */
export const ROUND_PAUSE_MS = 60_000
/** A log that is damaged is looked at again this often, for whether it was mended. */
export const MENDED_MS = 10_000

export interface ScrubberOptions {
  readonly store: Pick<Store, 'raise' | 'refuse' | 'settle' | 'shards' | 'tileFile'>
  readonly mark: DamageMark
  readonly events: ScrubEvents
  /** Leaves a second; with 0 only what is marked as damaged is looked at. */
  readonly rate: number
  readonly signal: AbortSignal
  /** Default: ROUND_PAUSE_MS. */
  readonly roundPauseMs?: number
  /** Default: MENDED_MS. */
  readonly mendedMs?: number
}

/**
 * Reads the log again, slowly and for ever, and verifies all of it against what was signed. Where
 * the disk has something else it says so, puts it on the record as the last thing, and has nothing
 * more added to the log until the files are restored.
 */
export class Scrubber implements AsyncDisposable {
  readonly #options: ScrubberOptions
  readonly #ended = new AbortController()
  readonly #signal: AbortSignal
  #damage: Damage | undefined
  #running: Promise<void> | undefined

  constructor(options: ScrubberOptions) {
    this.#options = options
    this.#signal = AbortSignal.any([options.signal, this.#ended.signal])
  }

  /** Looks at what was damaged before the restart: before anything is added to the log. */
  async begin(): Promise<void> {
    const marked = this.#options.mark.read()
    if (marked !== undefined) {
      this.#refuse(marked)
      await this.#lookAgain(marked).catch((error: unknown) => this.#options.events.failed(error))
    }
    this.#running = this.#run()
  }

  health(): { ok: boolean; detail: string } {
    if (this.#damage === undefined) return { ok: true, detail: 'no damage is known' }
    return { ok: false, detail: damageError(this.#damage).message }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    const { events, mendedMs = MENDED_MS, rate, roundPauseMs = ROUND_PAUSE_MS } = this.#options
    while (!this.#signal.aborted) {
      try {
        if (this.#damage !== undefined) await this.#lookAgain(this.#damage)
        else if (rate > 0) await this.#round()
      } catch (error) {
        // What can't be read now says nothing about the log: the next round tries again.
        if (!this.#signal.aborted) events.failed(error)
      }
      await this.#pause(this.#damage === undefined ? roundPauseMs : mendedMs)
    }
  }

  async #round(): Promise<void> {
    const { events, rate, store } = this.#options
    let position = 0
    try {
      const round = scrubRound(store, (error) => events.contradicted(error))
      for await (const { leaves } of round) {
        position += leaves
        events.scrubbed(leaves, position)
        await this.#pause((leaves / rate) * 1000)
        if (this.#signal.aborted) return
      }
      events.roundEnded(position)
    } catch (error) {
      if (!(error instanceof DamageFound)) throw error
      this.#found(error.damage)
    }
  }

  /** The alarm, and the last leaf until the log is mended. */
  #found(damage: Damage): void {
    const { events, mark, store } = this.#options
    events.damaged(damage)
    try {
      mark.set(damage)
      const { message: detail } = damageError(damage)
      store.raise({ kind: FindingKind.logDamaged, subject: damage.shard, detail })
    } catch (error) {
      // The disk is worse than that: what matters is that nothing more is written.
      events.failed(error)
    }
    this.#refuse(damage)
  }

  async #lookAgain(damage: Damage): Promise<void> {
    const { events, mark, store } = this.#options
    try {
      await verifyRange(store, damage)
    } catch (error) {
      if (!(error instanceof DamageFound)) throw error
      this.#refuse(error.damage)
      return
    }
    this.#damage = undefined
    store.refuse(undefined)
    mark.clear()
    store.settle({ kind: FindingKind.logDamaged, subject: damage.shard })
    events.mended(damage)
  }

  #refuse(damage: Damage): void {
    this.#damage = damage
    const refusal: AuditError = damageError(damage)
    this.#options.store.refuse(refusal)
  }

  async #pause(ms: number): Promise<void> {
    await delay(ms, undefined, { signal: this.#signal, ref: false }).catch(() => undefined)
  }
}
