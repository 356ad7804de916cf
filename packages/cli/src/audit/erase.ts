import { messageOf } from '@verdict/contract'
import { usage } from '../arguments.ts'
import { defineCommand, ExitCode } from '../command.ts'
import { CliError, CliErrorCode } from '../errors.ts'
import { printable } from '../terminal.ts'
import { type AuditApi, auditApiOf, auditApiOptions } from './audit-api.ts'
import { exitCodeOf } from './exit-code.ts'
import { bearer, tokenFor } from './token.ts'

const NAME = 'audit erase'
/** Of the key store, which is written anew. */
const REQUEST_TIMEOUT_MS = 60_000

/** What audit answers. */
interface Erased {
  readonly at: string
  readonly origin: string
  readonly leaf: number
  readonly keys: { readonly count: number; readonly sha256: string }
}

export const eraseSubject = defineCommand({
  name: NAME,
  summary: 'make what names a person in the log unreadable, for good',
  description: `
Destroys the keys of a subject: the fields of all records until now that name it can be read by
nobody any more, also in backups of the log. The log itself stays as it is, with every root and
receipt, and gets a leaf that says who erased whom (by a pseudonym), when, and why. It can't be
taken back. docs/erasure.md tells what it can't promise.
`,
  positionals: '',
  positionalsMax: 0,
  options: {
    subject: { kind: 'text', value: 'S', help: 'the principal, as records name it' },
    reason: { kind: 'text', value: 'TEXT', help: 'why; it goes into the log, so name nobody' },
    json: { kind: 'flag', help: 'what audit answers' },
    ...auditApiOptions,
  },
  examples: ['verdict audit erase --subject alice@example.com --reason "request 2026-17"'],
  async run(values, _positionals, { terminal, env, stop }) {
    const { subject, reason } = values
    if (!subject) throw usage(NAME, '`--subject` is needed')
    if (!reason) throw usage(NAME, '`--reason` is needed')
    const { url } = await auditApiOf(NAME, values, env)
    const token = await tokenFor(NAME, values, env, 'custodian')
    try {
      const api = { url, ...(token !== undefined && { token }) }
      const erased = await erase(api, { subject, reason }, stop)
      const { keys, leaf, origin } = erased
      const place = `leaf ${leaf} of ${printable(origin)}`
      const told = `${keys.count} keys destroyed, on the record as ${place}`
      terminal.line(values.json ? JSON.stringify(erased) : told)
      return ExitCode.ok
    } catch (error) {
      return exitCodeOf(error, terminal)
    }
  },
})

/** @throws {CliError} `audit_unavailable` */
async function erase(
  { url, token }: AuditApi,
  body: { readonly subject: string; readonly reason: string },
  signal: AbortSignal,
): Promise<Erased> {
  const whole = new URL('/v1/erasures', url)
  let response: Response
  let answer: unknown
  try {
    response = await fetch(whole, {
      method: 'POST',
      headers: { ...bearer(token), 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.any([signal, AbortSignal.timeout(REQUEST_TIMEOUT_MS)]),
    })
    answer = await response.json()
  } catch (cause) {
    if (signal.aborted) throw cause
    throw unavailable(`\`${whole}\` can't be asked: ${messageOf(cause)}`, cause)
  }
  if (response.ok) return answer as Erased
  const { error } = Object(answer) as { error?: { message?: unknown } }
  const why = typeof error?.message === 'string' ? printable(error.message) : response.status
  throw unavailable(`nothing is erased: ${why}`)
}

function unavailable(message: string, cause?: unknown): CliError {
  return new CliError(CliErrorCode.auditUnavailable, message, { cause })
}
