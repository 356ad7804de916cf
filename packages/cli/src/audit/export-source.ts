import type { LoggedDecision } from '@verdict/export'
import { CliError, CliErrorCode } from '../errors.ts'
import { type DecisionStreamOptions, followDecisions } from '../tail/decision-stream.ts'
import type { AuditApi } from './audit-api.ts'
import { pagesOf } from './query-pages.ts'

/** An export that has an end gives up when the stream is lost for so long. */
export const EXPORT_LOST_MS = 60_000

/** The index of the newest decision that matches; 0 where there is none. @throws {CliError} */
export async function newestIndex(
  api: AuditApi,
  parameters: URLSearchParams,
  signal: AbortSignal,
): Promise<number> {
  for await (const { decisions } of pagesOf(api, { parameters, limit: 1, signal })) {
    const [newest] = decisions
    if (newest !== undefined) return newest.index
  }
  return 0
}

export interface ExportedOptions extends Omit<DecisionStreamOptions, 'after' | 'onPlace'> {
  readonly after: number
  /** The last index that is wanted; undefined: what comes, for ever. */
  readonly end: number | undefined
  /** Default: EXPORT_LOST_MS. */
  readonly lostMs?: number
}

/**
 * The decisions behind an index, oldest first, each once.
 * @throws {CliError} `stream_refused`, `audit_unavailable`
 */
export async function* exportedDecisions(
  options: ExportedOptions,
): AsyncGenerator<LoggedDecision, void> {
  const { after, end = Number.POSITIVE_INFINITY, lostMs = EXPORT_LOST_MS, onState } = options
  if (after >= end) return
  const ended = new AbortController()
  let lost: NodeJS.Timeout | undefined
  let isLost = false
  try {
    const stream = followDecisions({
      ...options,
      signal: AbortSignal.any([options.signal, ended.signal]),
      onState(state) {
        clearTimeout(lost)
        onState(state)
        if (state.connected || options.end === undefined) return
        lost = setTimeout(() => {
          isLost = true
          ended.abort()
        }, lostMs)
      },
      // What was the last one may be gone meanwhile.
      onPlace: (index) => index >= end && ended.abort(),
    })
    let last = after
    for await (const json of stream) {
      const decision = decisionIn(json)
      if (decision.index > end) return
      if (decision.index > last) yield decision
      last = Math.max(last, decision.index)
      if (last >= end) return
    }
  } finally {
    clearTimeout(lost)
    ended.abort()
  }
  if (isLost) throw unavailable(`the stream was lost for ${lostMs / 1_000} s`)
}

function decisionIn(json: string): LoggedDecision {
  try {
    const decision = JSON.parse(json)
    const { hash, index, record } = decision
    const isWhole = Number.isSafeInteger(index) && typeof hash === 'string'
    if (isWhole && typeof record?.id === 'string') return decision
  } catch {
    // Something else answered.
  }
  throw unavailable('what answered for audit is no stream of decisions: look at `--audit`')
}

function unavailable(message: string): CliError {
  return new CliError(CliErrorCode.auditUnavailable, message)
}
