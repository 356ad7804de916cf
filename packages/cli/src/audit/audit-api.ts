import { messageOf } from '@verdict/contract'
import type { Environment } from '@verdict/toolchain'
import { usage } from '../arguments.ts'
import { dataDirOption } from '../data-dir.ts'
import { CliError, CliErrorCode } from '../errors.ts'
import { addressesOf } from '../running.ts'
import { printable } from '../terminal.ts'
import { bearer, tokenFor, tokenOption } from './token.ts'

/** The options of every command that reads the API of audit. */
export const auditApiOptions = {
  audit: { kind: 'text', value: 'URL', help: 'the audit service (default: the running cluster)' },
  token: tokenOption,
  'data-dir': dataDirOption,
} as const

export const REQUEST_TIMEOUT_MS = 15_000
/** Of a refusal, what is read to say why. */
const REFUSAL_BYTES_MAX = 64 * 1024

/** Where audit is, and who asks. */
export interface AuditApi {
  readonly url: string
  readonly token?: string
}

/** @throws {CliError} `usage` */
export async function auditApiOf(
  command: string,
  values: { audit: string | undefined; token: string | undefined; 'data-dir': string },
  env: Environment,
): Promise<AuditApi> {
  const url = values.audit ?? (await addressesOf(values['data-dir'])).auditUrl
  if (!URL.canParse(url)) throw usage(command, `\`--audit ${printable(url)}\` is no URL`)
  const token = await tokenFor(command, values, env)
  return { url, ...(token !== undefined && { token }) }
}

export interface AuditRequest {
  /** A longer answer is refused. */
  readonly bytesMax: number
  readonly signal: AbortSignal
}

/**
 * What audit answers to a GET; undefined where it has nothing there (404).
 * @throws {CliError} `audit_unavailable`
 */
export async function readFromAudit(
  { url, token }: AuditApi,
  path: string,
  { bytesMax, signal }: AuditRequest,
): Promise<Buffer | undefined> {
  const whole = new URL(path, url)
  let status: number
  let body: Buffer
  try {
    const response = await fetch(whole, {
      signal: AbortSignal.any([signal, AbortSignal.timeout(REQUEST_TIMEOUT_MS)]),
      headers: bearer(token),
    })
    status = response.status
    body = await bodyOf(response, response.ok ? bytesMax : REFUSAL_BYTES_MAX)
  } catch (cause) {
    if (signal.aborted) throw cause
    const { code } = ((cause as Error).cause ?? {}) as { code?: string }
    throw unavailable(`\`${whole}\` can't be read: ${code ?? messageOf(cause)}`, cause)
  }
  if (status === 200) return body
  if (status === 404) return undefined
  throw unavailable(`\`${whole}\` can't be read: ${refusalIn(body) ?? `status ${status}`}`)
}

async function bodyOf(response: Response, bytesMax: number): Promise<Buffer> {
  const parts: Uint8Array[] = []
  let bytes = 0
  for await (const part of response.body ?? []) {
    bytes += part.length
    if (bytes > bytesMax) throw new RangeError(`the answer is longer than ${bytesMax} bytes`)
    parts.push(part)
  }
  return Buffer.concat(parts)
}

function refusalIn(body: Buffer): string | undefined {
  try {
    const { message } = JSON.parse(body.toString('utf8')).error
    return typeof message === 'string' ? printable(message) : undefined
  } catch {
    // Something else answered.
    return undefined
  }
}

function unavailable(message: string, cause?: unknown): CliError {
  return new CliError(CliErrorCode.auditUnavailable, message, { cause })
}
