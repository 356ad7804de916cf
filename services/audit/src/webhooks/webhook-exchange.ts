import { AuditError, AuditErrorCode } from '../errors.ts'
import { readSecret, signedHeaders } from './signature.ts'
import type { WebhookBatch } from './webhook-batch.ts'
import type { WebhookTarget } from './webhook-file.ts'

/** Of an answer; what is longer is not read. */
export const WEBHOOK_ANSWER_BYTES_MAX = 4_096
/** Of an answer that refuses, in a message. */
const SHOWN_CHARS_MAX = 200
const GONE = 410

/** The receiver did not accept, for a reason that may pass. */
export class WebhookFailure extends AuditError {
  /** How long it wants to be left alone, in ms. */
  readonly retryAfterMs: number

  constructor(message: string, { cause, retryAfterMs = 0 }: WebhookFailureOptions = {}) {
    super(AuditErrorCode.webhookFailed, message, { cause })
    this.retryAfterMs = retryAfterMs
  }
}

interface WebhookFailureOptions {
  readonly cause?: unknown
  readonly retryAfterMs?: number
}

/**
 * Posts a batch, once. Redirects are not followed: the operator has named the receiver.
 * @throws {WebhookFailure}; {AuditError} `webhook_gone`
 */
export async function postBatch(
  { secretFile, timeoutMs, url }: WebhookTarget,
  { body, id, type }: WebhookBatch,
  stopped: AbortSignal,
): Promise<void> {
  // Read each time, so that a secret can be replaced.
  const signed = signedHeaders({ id, body, timeMs: Date.now() }, secretOf(secretFile))
  const headers = { ...signed, 'content-type': type, 'user-agent': 'verdict-audit' }
  const signal = AbortSignal.any([stopped, AbortSignal.timeout(timeoutMs)])
  let response: Response
  let said: string
  try {
    response = await fetch(url, { method: 'POST', body, headers, redirect: 'manual', signal })
    said = await beginningOf(response)
  } catch (cause) {
    const why = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause
    const detail = why instanceof Error ? why.message : String(why)
    throw new WebhookFailure(`\`${url.origin}\` did not answer: ${detail}`, { cause })
  }
  if (response.ok) return
  const message = `\`${url.origin}\` answers ${response.status} ${JSON.stringify(said)}`
  if (response.status === GONE) throw new AuditError(AuditErrorCode.webhookGone, message)
  throw new WebhookFailure(message, { retryAfterMs: retryAfterOf(response) })
}

function secretOf(file: string): Uint8Array {
  try {
    return readSecret(file)
  } catch (cause) {
    throw new WebhookFailure(`the secret in \`${file}\` can't be read`, { cause })
  }
}

/** Leaving the loop cancels the rest of the body. */
async function beginningOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk)
    length += chunk.length
    if (length > WEBHOOK_ANSWER_BYTES_MAX) break
  }
  return Buffer.concat(chunks).toString('utf8').slice(0, SHOWN_CHARS_MAX)
}

/** In seconds; a date is not looked at. */
function retryAfterOf({ headers }: Response): number {
  const given = headers.get('retry-after') ?? ''
  return /^\d{1,6}$/.test(given) ? Number(given) * 1_000 : 0
}
