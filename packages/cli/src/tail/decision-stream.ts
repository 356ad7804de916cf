import { setTimeout as delay } from 'node:timers/promises'
import { messageOf } from '@verdict/contract'
import { bearer } from '../audit/token.ts'
import { CliError, CliErrorCode } from '../errors.ts'
import { EventParser } from './server-sent-events.ts'

/** audit sends something every 15 s; a connection that is silent for longer is dead. */
const SILENCE_MAX_MS = 45_000
const CONNECT_TIMEOUT_MS = 10_000
/** Between two attempts; doubles up to the second while audit is not there. */
const RETRY_MIN_MS = 250
const RETRY_MAX_MS = 5_000
/** Answers that another attempt would get again: everything of the 4xx but these. */
const WORTH_ANOTHER = new Set([408, 425, 429])
const ERROR_CHARS_MAX = 4_096

export interface DecisionStreamOptions {
  /** Where audit is, such as `http://127.0.0.1:8183`. */
  readonly auditUrl: string
  readonly filter: Readonly<Record<string, string>>
  /** The stream begins behind this index; without one with what comes from now on. */
  readonly after: number | undefined
  /** Who asks; it is asked for again at each connection, for a token may have been renewed. */
  readonly token?: () => Promise<string | undefined>
  readonly signal: AbortSignal
  /** The stream was lost, or is back. */
  readonly onState: (state: { connected: boolean; why: string }) => void
  /** Audit has looked so far and found nothing more that matches. */
  readonly onPlace?: (index: number) => void
}

/**
 * The decisions of audit's stream, one JSON text each. It goes on where it was when the connection
 * was lost; it ends with the signal. @throws {CliError} `stream_refused`
 */
export async function* followDecisions(options: DecisionStreamOptions): AsyncGenerator<string> {
  const { signal, onState } = options
  let after = options.after === undefined ? undefined : String(options.after)
  let retryMs = RETRY_MIN_MS
  while (!signal.aborted) {
    try {
      for await (const { id, data } of connection(options, after)) {
        if (retryMs !== RETRY_MIN_MS) onState({ connected: true, why: '' })
        retryMs = RETRY_MIN_MS
        if (data !== undefined) yield data
        after = id ?? after
        if (data === undefined && id !== undefined) options.onPlace?.(Number(id))
      }
    } catch (error) {
      if (signal.aborted) return
      if (error instanceof CliError) throw error
      if (retryMs === RETRY_MIN_MS) onState({ connected: false, why: reasonOf(error) })
    }
    retryMs = Math.min(retryMs * 2, RETRY_MAX_MS)
    await delay(retryMs, undefined, { signal }).catch(() => undefined)
  }
}

async function* connection(
  { auditUrl, filter, signal, token }: DecisionStreamOptions,
  after: string | undefined,
): AsyncGenerator<{ id: string | undefined; data: string | undefined }> {
  const dead = new AbortController()
  let timer = setTimeout(() => dead.abort(new Error('no answer')), CONNECT_TIMEOUT_MS)
  try {
    const url = new URL('/v1/stream', auditUrl)
    for (const [name, value] of Object.entries(filter)) url.searchParams.set(name, value)
    const response = await fetch(url, {
      headers: {
        accept: 'text/event-stream',
        ...bearer(await token?.()),
        ...(after !== undefined && { 'last-event-id': after }),
      },
      signal: AbortSignal.any([signal, dead.signal]),
    })
    if (!response.ok || response.body === null) throw await refusal(response)
    const parser = new EventParser()
    for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
      clearTimeout(timer)
      timer = setTimeout(() => dead.abort(new Error('the stream fell silent')), SILENCE_MAX_MS)
      yield* parser.take(text)
    }
    throw new Error('the stream ended')
  } finally {
    clearTimeout(timer)
    dead.abort()
  }
}

async function refusal(response: Response): Promise<Error> {
  const said = (await response.text()).slice(0, ERROR_CHARS_MAX)
  const message = messageIn(said) ?? `status ${response.status}`
  const final = response.status >= 400 && response.status < 500
  if (!final || WORTH_ANOTHER.has(response.status)) return new Error(message)
  return new CliError(CliErrorCode.streamRefused, `audit refuses the stream: ${message}`)
}

function messageIn(body: string): string | undefined {
  try {
    return JSON.parse(body).error?.message
  } catch {
    // Something else answered.
    return undefined
  }
}

/** `fetch` hides what happened in the cause. */
function reasonOf(error: unknown): string {
  const { cause } = error as { cause?: { code?: string; message?: string } }
  return cause?.code ?? cause?.message ?? messageOf(error)
}
