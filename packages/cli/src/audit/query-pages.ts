import type { DecisionRecord } from '@verdict/contract'
import { CliError, CliErrorCode } from '../errors.ts'
import { type AuditApi, readFromAudit } from './audit-api.ts'

/** What is asked for at a time. */
export const PAGE_ROWS = 200
/** That many of the longest records, and more. */
const PAGE_BYTES_MAX = 32 * 1024 * 1024

/** A decision as the log has it. */
export interface LoggedDecision {
  readonly index: number
  readonly hash: string
  /** The personal fields that audit has decrypted: in the log they are encrypted. */
  readonly opened?: readonly string[]
  readonly record: DecisionRecord
}

export interface Search {
  readonly parameters: URLSearchParams
  /** No more than this many; `Infinity` for all. */
  readonly limit: number
  readonly signal: AbortSignal
}

/** What matches, newest first, a page at a time; `more` where the limit has left some out. */
export async function* pagesOf(
  api: AuditApi,
  { limit, parameters, signal }: Search,
): AsyncGenerator<{ decisions: readonly LoggedDecision[]; more: boolean }> {
  let after: string | undefined
  for (let left = limit; left > 0 && !signal.aborted; ) {
    const asked = new URLSearchParams(parameters)
    asked.set('limit', String(Math.min(left, PAGE_ROWS)))
    if (after !== undefined) asked.set('after', after)
    const path = `/v1/decisions?${asked}`
    const body = await readFromAudit(api, path, { bytesMax: PAGE_BYTES_MAX, signal })
    const { decisions, next } = pageIn(body, after)
    left -= decisions.length
    yield { decisions, more: next !== undefined }
    if (next === undefined) return
    after = next
  }
}

interface Page {
  readonly decisions: readonly LoggedDecision[]
  readonly next?: string
}

function pageIn(body: Buffer | undefined, after: string | undefined): Page {
  const page = parsed(body) as Partial<Page> | undefined
  const isPage = Array.isArray(page?.decisions) && page.decisions.every(isLogged)
  // A cursor that does not move would be followed for ever.
  if (isPage && (page.next === undefined || page.next !== after)) return page as Page
  const message = 'what answered for audit is no list of decisions: look at `--audit`'
  throw new CliError(CliErrorCode.auditUnavailable, message)
}

function parsed(body: Buffer | undefined): unknown {
  try {
    return JSON.parse(String(body))
  } catch {
    // Something else answered.
    return undefined
  }
}

function isLogged(decision: Partial<LoggedDecision> | null): boolean {
  const record: Partial<DecisionRecord> | undefined = decision?.record
  return typeof decision?.hash === 'string' && typeof record?.id === 'string'
}
