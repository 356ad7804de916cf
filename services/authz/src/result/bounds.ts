import { invalid } from './decision-value.ts'
import type { PolicyResult } from './policy-result.ts'

/** Envoy's own default for the headers of one message: with more it answers 500 to the client. */
export const CHANGES_MAX = 100
/** Names and values together; Envoy takes 60 KiB of headers, those of the client among them. */
export const CHANGES_BYTES_MAX = 32 * 1024

/**
 * Refuses a decision with more changes of headers and query than Envoy could carry out, whose own
 * answer to the client would say nothing of why.
 * @throws {AuthzError} `decision_invalid`
 */
export function requireBounded(result: PolicyResult): void {
  const { headers, responseHeaders, headersToRemove, queryToSet, queryToRemove } = result
  const pairs = [headers, responseHeaders, queryToSet]
  const names = [headersToRemove, queryToRemove]
  let changes = 0
  let bytes = 0
  for (const list of pairs) {
    changes += list.length
    for (const [name, value] of list) bytes += name.length + Buffer.byteLength(value)
  }
  for (const list of names) {
    changes += list.length
    for (const name of list) bytes += name.length
  }
  if (changes <= CHANGES_MAX && bytes <= CHANGES_BYTES_MAX) return
  const most = `${CHANGES_MAX} and ${CHANGES_BYTES_MAX} bytes are the most`
  throw invalid('response headers', `${changes} changes of ${bytes} bytes: ${most}`)
}
