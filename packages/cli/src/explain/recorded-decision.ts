import { setTimeout as delay } from 'node:timers/promises'
import { type DecisionRecord, messageOf } from '@verdict/contract'
import { bearer } from '../audit/token.ts'
import { CliError, CliErrorCode } from '../errors.ts'

const REQUEST_TIMEOUT_MS = 10_000
const RETRY_MS = 100
/** A longer answer is no record of a decision. */
const ANSWER_BYTES_MAX = 1024 * 1024

export interface RecordedDecisionOptions {
  /** Where audit is, such as `http://127.0.0.1:8183`. */
  readonly auditUrl: string
  /** How long a decision that is not in the log yet is waited for. */
  readonly waitMs: number
  /** Who asks. */
  readonly token?: string | undefined
  readonly signal: AbortSignal
}

/** The record of a decision, from the log. @throws {CliError} `decision_not_found` */
export async function recordedDecision(
  id: string,
  options: RecordedDecisionOptions,
): Promise<DecisionRecord> {
  const { auditUrl, waitMs, signal } = options
  const deadline = performance.now() + waitMs
  for (;;) {
    const { status, body } = await asked(id, options)
    if (status === 200) return recordIn(body, id)
    if (status !== 404 || performance.now() > deadline || signal.aborted) {
      throw notFound(id, `audit at ${auditUrl} says: ${messageIn(body) ?? `status ${status}`}`)
    }
    // It is on its way from the journal of the decision point into the log.
    await delay(RETRY_MS, undefined, { signal }).catch(() => undefined)
  }
}

async function asked(
  id: string,
  { auditUrl, signal, token }: RecordedDecisionOptions,
): Promise<{ status: number; body: string }> {
  try {
    const url = new URL(`/v1/decisions/${encodeURIComponent(id)}`, auditUrl)
    const timeout = AbortSignal.timeout(REQUEST_TIMEOUT_MS)
    const signals = AbortSignal.any([signal, timeout])
    const response = await fetch(url, { headers: bearer(token), signal: signals })
    return { status: response.status, body: await bodyOf(response) }
  } catch (cause) {
    const { code } = ((cause as Error).cause ?? {}) as { code?: string }
    throw notFound(id, `audit at ${auditUrl} can't be asked: ${code ?? messageOf(cause)}`, cause)
  }
}

/** @throws {RangeError} where it is longer than any record */
async function bodyOf(response: Response): Promise<string> {
  const parts: Uint8Array[] = []
  let bytes = 0
  for await (const part of response.body ?? []) {
    bytes += part.length
    if (bytes > ANSWER_BYTES_MAX) throw new RangeError('its answer is too long')
    parts.push(part)
  }
  return Buffer.concat(parts).toString('utf8')
}

function recordIn(body: string, id: string): DecisionRecord {
  try {
    const { record } = JSON.parse(body) as { record?: DecisionRecord }
    if (record?.policy !== undefined) return record
  } catch {
    // Something else answered.
  }
  throw notFound(id, 'what answered for audit is something else')
}

function messageIn(body: string): string | undefined {
  try {
    return JSON.parse(body).error?.message
  } catch {
    // Something else answered.
    return undefined
  }
}

function notFound(id: string, why: string, cause?: unknown): CliError {
  const message = `decision \`${id}\` can't be explained: ${why}`
  return new CliError(CliErrorCode.decisionNotFound, message, { cause })
}
