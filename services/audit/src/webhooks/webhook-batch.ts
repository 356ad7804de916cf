import { hash } from 'node:crypto'
import { setImmediate as yieldToOthers } from 'node:timers/promises'
import { LINE_FORMATS, type LineFormat, type LoggedDecision } from '@verdict/export'
import type { LogEntry } from '../log/log-entry.ts'
import type { Filter } from '../search/filter.ts'
import type { EntryRun } from '../store.ts'
import type { WebhookTarget } from './webhook-file.ts'

/** A body is at most this long, or holds one decision: the next ones are in the next batch. */
export const WEBHOOK_BODY_BYTES_MAX = 1_048_576
/** Entries that are read at a time; then others run. */
const PAGE_ENTRIES = 64

/** Where decisions come from, as they are in the log. */
export interface WebhookSource {
  readonly lastIndex: number
  follow(filter: Filter, range: { after: number; limit: number; sealed: true }): EntryRun
  placeOf(leaf: number): { readonly origin: string; readonly index: number }
}

/** What is posted at once. */
export interface WebhookBatch {
  /** The same for the same decisions, so that a receiver knows a repetition. */
  readonly id: string
  readonly type: string
  readonly body: string
  readonly decisions: number
}

/** What was found behind a place; without a batch nothing was, up to `through`. */
export interface WebhookPage {
  readonly batch?: WebhookBatch
  readonly through: number
}

const JSON_ARRAY = { type: 'application/json', open: '[', between: ',', close: ']' }
const FORMS: Readonly<Record<LineFormat, typeof JSON_ARRAY>> = {
  cloudevents: { ...JSON_ARRAY, type: 'application/cloudevents-batch+json' },
  json: JSON_ARRAY,
  ocsf: JSON_ARRAY,
  ecs: JSON_ARRAY,
  cef: { type: 'text/plain; charset=utf-8', open: '', between: '\n', close: '\n' },
}

/**
 * The next decisions of a webhook behind a place in the log, in small pages between which others
 * run. Where there are few it looks no further for more of them.
 */
export async function nextBatch(
  source: WebhookSource,
  target: WebhookTarget,
  after: number,
): Promise<WebhookPage> {
  const { batchMax, filter, format } = target
  const texts: string[] = []
  let bytes = 0
  let through = after
  for (let left = batchMax; left > 0; left = batchMax - texts.length) {
    const limit = Math.min(left, PAGE_ENTRIES)
    const page = source.follow(filter, { after: through, limit, sealed: true })
    for (const entry of page.entries) {
      const text = LINE_FORMATS[format](decisionOf(entry, source))
      bytes += Buffer.byteLength(text) + 1
      if (texts.length > 0 && bytes > WEBHOOK_BODY_BYTES_MAX) return pageOf(target, texts, through)
      texts.push(text)
      through = entry.index
    }
    through = page.through
    if (page.entries.length < limit) break
    await yieldToOthers()
  }
  return pageOf(target, texts, through)
}

function pageOf(target: WebhookTarget, texts: readonly string[], through: number): WebhookPage {
  if (texts.length === 0) return { through }
  const { type, open, between, close } = FORMS[target.format]
  const body = `${open}${texts.join(between)}${close}`
  const id = `msg_${hash('sha256', `${target.name}\n${body}`, 'base64url').slice(0, 27)}`
  return { batch: { id, type, body, decisions: texts.length }, through }
}

function decisionOf({ hash, index, json, leaf }: LogEntry, source: WebhookSource): LoggedDecision {
  const { index: place, origin } = source.placeOf(leaf)
  return { index, hash, origin, leaf: place, record: JSON.parse(json) }
}
