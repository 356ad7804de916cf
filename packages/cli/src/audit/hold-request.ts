import { messageOf } from '@verdict/contract'
import { CliError, CliErrorCode } from '../errors.ts'
import { printable } from '../terminal.ts'
import type { AuditApi } from './audit-api.ts'
import { bearer } from './token.ts'

const REQUEST_TIMEOUT_MS = 15_000

/**
 * Changes a hold.
 * @returns what audit answers, undefined for nothing; `missing` where there is no such hold
 * @throws {CliError} `audit_unavailable`
 */
export async function changeHolds(
  { url, token }: AuditApi,
  change: { readonly method: 'POST' | 'DELETE'; readonly path: string; readonly body?: object },
  signal: AbortSignal,
): Promise<unknown> {
  const { method, path, body } = change
  const whole = new URL(path, url)
  const json = { 'content-type': 'application/json' }
  try {
    const response = await fetch(whole, {
      method,
      headers: { ...bearer(token), ...(body && json) },
      ...(body && { body: JSON.stringify(body) }),
      signal: AbortSignal.any([signal, AbortSignal.timeout(REQUEST_TIMEOUT_MS)]),
    })
    if (response.status === 204) return undefined
    const answer: unknown = await response.json()
    if (response.ok) return answer
    if (response.status === 404) return 'missing'
    const { error } = Object(answer) as { error?: { message?: unknown } }
    const why = typeof error?.message === 'string' ? printable(error.message) : response.status
    throw new CliError(CliErrorCode.auditUnavailable, `nothing is changed: ${why}`)
  } catch (cause) {
    if (signal.aborted || cause instanceof CliError) throw cause
    const message = `\`${whole}\` can't be asked: ${messageOf(cause)}`
    throw new CliError(CliErrorCode.auditUnavailable, message, { cause })
  }
}
