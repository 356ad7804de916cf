import { readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { messageOf } from '@verdict/contract'
import { BundlesError, BundlesErrorCode } from '../errors.ts'
import type { HttpSource } from './bundle-source.ts'

/** A bundle server that can wait says so by this, instead of `application/gzip`. */
const LONG_POLL_TYPE = 'application/vnd.openpolicyagent.bundles'
/** From the request to the headers of the answer, beyond what the server is asked to wait. */
const ANSWER_TIMEOUT_MS = 10_000
/** From the headers to the last byte of an archive. */
const ARCHIVE_TIMEOUT_MS = 120_000
/** After a failure; each further one doubles it, as far as `maxDelayMs`. */
const RETRY_MS = 500
/** A server that says it waits, and does not, is asked no more often than this. */
const LONG_POLL_GAP_MS = 1_000
/** No token is longer. */
const TOKEN_BYTES_MAX = 64 * 1024
const TOKEN = /^[\x21-\x7e]+$/

export interface PollOptions {
  readonly source: HttpSource
  /** Of the bundle that is there already. */
  readonly etag: string | undefined
  /** A new archive. What it rejects with may pass: the archive is asked for again. */
  readonly onArchive: (archive: Uint8Array, etag: string | undefined) => Promise<void>
  /** The server has nothing newer. */
  readonly onUnchanged: () => void
  readonly onError: (error: unknown) => void
  readonly signal: AbortSignal
}

/** Asks a bundle server again and again; settles when that has ended after the abort. */
export async function pollBundle(options: PollOptions): Promise<void> {
  const { source, signal, onError } = options
  const poll = new Poll(options)
  let failures = 0
  while (!signal.aborted) {
    let waitMs: number
    try {
      waitMs = await poll.once()
      failures = 0
    } catch (error) {
      if (signal.aborted) return
      onError(error)
      waitMs = Math.min(RETRY_MS * 2 ** Math.min(failures++, 30), source.maxDelayMs)
      waitMs *= 0.5 + Math.random() / 2
    }
    await delay(waitMs, undefined, { signal, ref: false }).catch(() => undefined)
  }
}

class Poll {
  readonly #options: PollOptions
  #etag: string | undefined
  /** Whether the server is asked to wait: until it answers as one that does not. */
  #waits: boolean

  constructor(options: PollOptions) {
    this.#options = options
    this.#etag = options.etag
    this.#waits = options.source.longPollS !== undefined
  }

  /** One request; how long to wait for the next. */
  async once(): Promise<number> {
    const { source, onArchive, onUnchanged } = this.#options
    const startMs = performance.now()
    const answering = new AbortController()
    const signal = AbortSignal.any([this.#options.signal, answering.signal])
    const waitMs = this.#waits ? (source.longPollS ?? 0) * 1_000 : 0
    const tooLong = (): void => answering.abort(new Error('the answer takes too long'))
    let timer = setTimeout(tooLong, waitMs + ANSWER_TIMEOUT_MS)
    try {
      const response = await this.#ask(signal)
      clearTimeout(timer)
      timer = setTimeout(tooLong, ARCHIVE_TIMEOUT_MS)
      if (response.status === 304) {
        await response.body?.cancel()
        onUnchanged()
      } else {
        this.#waits &&= response.headers.get('content-type') === LONG_POLL_TYPE
        const archive = await this.#read(response)
        clearTimeout(timer)
        const etag = response.headers.get('etag') ?? undefined
        await onArchive(archive, etag)
        this.#etag = etag
      }
    } finally {
      clearTimeout(timer)
    }
    const { minDelayMs, maxDelayMs } = source
    if (this.#waits) return Math.max(0, LONG_POLL_GAP_MS - (performance.now() - startMs))
    return minDelayMs + Math.random() * (maxDelayMs - minDelayMs)
  }

  async #ask(signal: AbortSignal): Promise<Response> {
    const { url, tokenFile, longPollS } = this.#options.source
    const headers = new Headers({
      accept: `${LONG_POLL_TYPE}, application/gzip`,
      prefer: this.#waits ? `modes=snapshot;wait=${longPollS}` : 'modes=snapshot',
    })
    if (this.#etag !== undefined) headers.set('if-none-match', this.#etag)
    if (tokenFile !== undefined) headers.set('authorization', `Bearer ${await tokenOf(tokenFile)}`)
    try {
      // Wherever a redirect leads, nobody has said that the token may go there.
      return await fetch(url, { headers, signal, redirect: 'error' })
    } catch (error) {
      throw unreachable(url, messageOf(error instanceof TypeError ? error.cause : error), error)
    }
  }

  async #read(response: Response): Promise<Uint8Array> {
    const { url, sizeMax } = this.#options.source
    const { status, body, headers } = response
    if (status !== 200) {
      await body?.cancel()
      if (status !== 404) throw unreachable(url, `the status is ${status}`)
      const why = `there is no bundle at \`${placeOf(url)}\`: the one that is active stays`
      throw new BundlesError(BundlesErrorCode.bundleWithdrawn, why)
    }
    if (Number(headers.get('content-length') ?? 0) > sizeMax) {
      await body?.cancel()
      throw tooLarge(url, sizeMax)
    }
    const chunks: Uint8Array[] = []
    let bytes = 0
    try {
      for await (const chunk of body ?? []) {
        bytes += chunk.byteLength
        // Leaving the loop ends the answer.
        if (bytes > sizeMax) break
        chunks.push(chunk)
      }
    } catch (error) {
      throw unreachable(url, messageOf(error), error)
    }
    if (bytes > sizeMax) throw tooLarge(url, sizeMax)
    return Buffer.concat(chunks)
  }
}

async function tokenOf(file: string): Promise<string> {
  let token: string
  try {
    const bytes = await readFile(file)
    token = bytes.subarray(0, TOKEN_BYTES_MAX).toString('utf8').trim()
  } catch (cause) {
    const why = `the token file of the bundle server can't be read: ${messageOf(cause)}`
    throw new BundlesError(BundlesErrorCode.bundleUnreachable, why, { cause })
  }
  if (TOKEN.test(token)) return token
  const why = `the token file \`${file}\` of the bundle server holds no token`
  throw new BundlesError(BundlesErrorCode.bundleUnreachable, why)
}

function tooLarge(url: URL, sizeMax: number): BundlesError {
  const why = `the bundle at \`${placeOf(url)}\` has more than ${sizeMax} bytes: raise \`sizeMax\``
  return new BundlesError(BundlesErrorCode.bundleTooLarge, why)
}

function unreachable(url: URL, why: string, cause?: unknown): BundlesError {
  const message = `the bundle server at \`${placeOf(url)}\` gives no bundle: ${why}`
  return new BundlesError(BundlesErrorCode.bundleUnreachable, message, { cause })
}

/** Without the query, which may hold what gives access. */
function placeOf({ origin, pathname }: URL): string {
  return `${origin}${pathname}`
}
