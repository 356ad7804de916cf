import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { setImmediate as yieldToOthers } from 'node:timers/promises'
import type { LogEntry } from '../log/log-entry.ts'
import type { Filter } from '../search/filter.ts'
import type { EntryRun } from '../store.ts'
import type { Feed } from './feed.ts'

/** Something is sent at least this often, so that proxies and readers know that it lives. */
export const KEEP_ALIVE_MS = 15_000
/** A reader that takes nothing for this long is cut off; it resumes from the last id it has. */
export const DRAIN_TIMEOUT_MS = 10_000
/** How long a reader waits before it connects again. */
const RETRY_MS = 1_000
/** Entries that are read from the log at a time. */
const RUN_ENTRIES = 64
/** What is written at a time; a reader's buffer holds at most this and one entry more. */
const CHUNK_CHARS = 64 * 1024

/** Where a stream takes its entries from. */
export interface EntrySource {
  readonly lastIndex: number
  follow(filter: Filter, range: { after: number; limit: number }): EntryRun
  /** Where a leaf is for whoever verifies it. */
  placeOf(leaf: number): { readonly origin: string; readonly index: number }
}

export interface EventStreamOptions {
  readonly source: EntrySource
  readonly feed: Feed
  readonly filter: Filter
  /** The stream begins behind this index. */
  readonly after: number
  /** Ends the stream. */
  readonly signal: AbortSignal
  /** Default: KEEP_ALIVE_MS. */
  readonly keepAliveMs?: number
  /** Default: DRAIN_TIMEOUT_MS. */
  readonly drainTimeoutMs?: number
}

/** Why a stream has ended. */
export type StreamEnd = 'left' | 'stopped' | 'cut'

/**
 * Sends entries as server-sent events (html.spec.whatwg.org, 9.2), with the index as the id:
 *
 *     id: 17
 *     data: {"origin":"logs.example/audit/2026-11","leaf":21,"index":17,"hash":"…","record":{…}}
 *
 * Origin and leaf say where it is in the log, as the events of subscribers over NATS do.
 * It reads the log from its own place on, and waits when it has come to the end: replay and live
 * are the same, so nothing is lost or sent twice between them, and a reader that is slow costs a
 * place in the log and no memory.
 */
export async function streamEntries(
  response: ServerResponse,
  options: EventStreamOptions,
): Promise<StreamEnd> {
  const { source, feed, filter, keepAliveMs = KEEP_ALIVE_MS } = options
  const left = new AbortController()
  for (const end of ['close', 'error']) response.on(end, () => left.abort())
  if (response.destroyed) left.abort()
  const signal = AbortSignal.any([options.signal, left.signal])
  const writer = new Writer(response, { signal, timeoutMs: options.drainTimeoutMs })
  let { after } = options
  let sentAt = performance.now()
  let text = `retry: ${RETRY_MS}\nid: ${after}\n\n`
  while (!signal.aborted) {
    const { entries, through } = source.follow(filter, { after, limit: RUN_ENTRIES })
    for (const entry of entries) {
      text += eventOf(entry, source)
      if (text.length < CHUNK_CHARS) continue
      await writer.write(text)
      text = ''
    }
    after = through
    // The id also moves past entries that do not match, so that a reader resumes behind them.
    if (performance.now() - sentAt >= keepAliveMs) text += `: keep-alive\nid: ${after}\n\n`
    if (text !== '') {
      await writer.write(text)
      sentAt = performance.now()
      text = ''
    }
    const timeoutMs = Math.max(0, keepAliveMs - (performance.now() - sentAt))
    if (after < source.lastIndex) await yieldToOthers()
    else await feed.next({ timeoutMs, signal })
  }
  if (writer.cut) return 'cut'
  if (left.signal.aborted) return 'left'
  response.end()
  return 'stopped'
}

/** One entry as JSON; the record is put in as it was hashed. */
export function entryJson({ index, hash, json, opened }: LogEntry): string {
  const fields = opened === undefined ? '' : `,"opened":${JSON.stringify(opened)}`
  return `{"index":${index},"hash":${JSON.stringify(hash)}${fields},"record":${json}}`
}

function eventOf(entry: LogEntry, source: EntrySource): string {
  const { index: leaf, origin } = source.placeOf(entry.leaf)
  const place = `{"origin":${JSON.stringify(origin)},"leaf":${leaf},`
  return `id: ${entry.index}\ndata: ${place}${entryJson(entry).slice(1)}\n\n`
}

/** Writes at the pace of the reader. */
class Writer {
  readonly #response: ServerResponse
  readonly #signal: AbortSignal
  readonly #timeoutMs: number
  #cut = false

  constructor(
    response: ServerResponse,
    {
      signal,
      timeoutMs = DRAIN_TIMEOUT_MS,
    }: { signal: AbortSignal; timeoutMs?: number | undefined },
  ) {
    this.#response = response
    this.#signal = signal
    this.#timeoutMs = timeoutMs
  }

  get cut(): boolean {
    return this.#cut
  }

  async write(text: string): Promise<void> {
    if (this.#signal.aborted || this.#response.destroyed) return
    if (this.#response.write(text)) return
    const late = AbortSignal.timeout(this.#timeoutMs)
    try {
      await once(this.#response, 'drain', { signal: AbortSignal.any([this.#signal, late]) })
    } catch {
      // The reader has left, the service stops, or the reader took too long.
      this.#cut = late.aborted && !this.#signal.aborted
      if (this.#cut) this.#response.destroy()
    }
  }
}
