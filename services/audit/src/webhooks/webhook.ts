import { setTimeout as delay, setImmediate as yieldToOthers } from 'node:timers/promises'
import { AuditError, AuditErrorCode } from '../errors.ts'
import type { Feed } from '../stream/feed.ts'
import { retryWaitMs, WEBHOOK_RETRY_MS } from './retry.ts'
import {
  nextBatch,
  type WebhookBatch,
  type WebhookPage,
  type WebhookSource,
} from './webhook-batch.ts'
import type { WebhookCursor } from './webhook-cursor.ts'
import { postBatch, WebhookFailure } from './webhook-exchange.ts'
import type { WebhookTarget } from './webhook-file.ts'

/** What wakes a webhook at the end of the log got lost: it looks by itself. */
const LOOK_MS = 15_000
/** A place is written down without a delivery when it has moved so far, so that a restart is quick. */
const IDLE_STRIDE = 100_000

/** What happens to a webhook. */
export interface WebhookWatch {
  delivered(name: string, decisions: number): void
  /** `first`: it worked before. */
  failed(name: string, failure: { error: unknown; first: boolean }): void
  recovered(name: string, failures: number): void
  gone(name: string, message: string): void
}

export interface WebhookParts {
  readonly target: WebhookTarget
  readonly cursor: WebhookCursor
  readonly source: WebhookSource
  readonly feed: Pick<Feed, 'next'>
  readonly watch: WebhookWatch
  readonly signal: AbortSignal
  /** Default: WEBHOOK_RETRY_MS. */
  readonly retryMs?: number
}

/**
 * Posts decisions to one receiver, in the order of the log, one batch at a time, each until it is
 * accepted. It reads the log from its own place on, so that one that is behind costs no memory, and
 * the place is on disk before the next batch: what was accepted right before a crash comes again.
 */
export class Webhook {
  readonly #parts: WebhookParts
  #after: number
  #failures = 0
  #page: WebhookPage | undefined

  constructor(parts: WebhookParts) {
    this.#parts = parts
    this.#after = parts.cursor.index
  }

  get name(): string {
    return this.#parts.target.name
  }

  /** How many decisions of the log it has not come to; undefined when nothing more is sent. */
  get behind(): number | undefined {
    const { cursor, source, target } = this.#parts
    return cursor.gone === target.url.href ? undefined : source.lastIndex - this.#after
  }

  get failing(): boolean {
    return this.#failures > 0
  }

  /** Resolves when it is stopped, or the receiver wants nothing more. */
  async run(): Promise<void> {
    const { feed, retryMs = WEBHOOK_RETRY_MS, signal, source, watch } = this.#parts
    while (!signal.aborted && this.behind !== undefined) {
      try {
        await this.#step()
        if (this.#after < source.lastIndex) await yieldToOthers()
        else await feed.next({ timeoutMs: LOOK_MS, signal })
      } catch (error) {
        if (signal.aborted) return
        watch.failed(this.name, { error, first: this.#failures === 0 })
        const askedMs = error instanceof WebhookFailure ? error.retryAfterMs : 0
        const waitMs = retryWaitMs({ before: this.#failures++, askedMs }, { firstMs: retryMs })
        // It ends early where the service stops.
        await delay(waitMs, undefined, { signal }).catch(() => undefined)
      }
    }
  }

  async #step(): Promise<void> {
    const { cursor, source, target } = this.#parts
    // The same batch until it is accepted, so that its id stays.
    this.#page ??= await nextBatch(source, target, this.#after)
    const { batch, through } = this.#page
    if (batch !== undefined) {
      if (!(await this.#post(batch))) return
      cursor.moveTo(through)
      this.#accepted(batch)
    } else if (through - cursor.index >= IDLE_STRIDE) cursor.moveTo(through)
    this.#after = through
    this.#page = undefined
  }

  /** False where the receiver wants nothing more. */
  async #post(batch: WebhookBatch): Promise<boolean> {
    const { cursor, signal, target, watch } = this.#parts
    try {
      await postBatch(target, batch, signal)
      return true
    } catch (error) {
      if (!(error instanceof AuditError) || error.code !== AuditErrorCode.webhookGone) throw error
      cursor.end(target.url.href)
      watch.gone(this.name, error.message)
      return false
    }
  }

  #accepted({ decisions }: WebhookBatch): void {
    const { watch } = this.#parts
    if (this.#failures > 0) watch.recovered(this.name, this.#failures)
    this.#failures = 0
    watch.delivered(this.name, decisions)
  }
}
