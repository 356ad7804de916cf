import { isOwnHeader } from '../own-headers.ts'
import { CONNECTION_HEADERS } from './connection-headers.ts'
import { type Decided, invalid, readTexts } from './decision-value.ts'
import type { AppendAction } from './policy-result.ts'

/** Whom a header is for: what would break one message is no matter in another. */
export type HeaderPlace = 'request' | 'response' | 'denial'

const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
/** Control characters but the tab. */
const BREAKS_VALUE = /(?!\t)\p{Cc}/u

/**
 * A header that would break the message it is put into is no answer to anybody; nor is a
 * pseudo-header or the host, with which the request would be another one than was decided.
 * @throws {AuthzError} `decision_invalid`
 */
export function requireHeader(name: string, value: string, place: HeaderPlace, what: string): void {
  if (!NAME.test(name)) throw invalid(what, `\`${name}\` is no name of a header`)
  if (BREAKS_VALUE.test(value)) {
    throw invalid(what, `the value of header '${name}' has control characters`)
  }
  if (place === 'denial') return
  const lower = name.toLowerCase()
  if (CONNECTION_HEADERS.has(lower))
    throw invalid(what, `\`${lower}\` is of the connection: no policy sets it`)
  if (place === 'request' && lower === 'host') {
    throw invalid(what, '`host` can not be set: the request would be another one')
  }
}

/**
 * What is in our name replaces what was there. In a response Envoy adds all that is added before
 * it overwrites, so that of several values only one would stay.
 * @throws {AuthzError} `decision_invalid`
 */
export function requireAction(
  name: string,
  action: AppendAction,
  { place, values, what }: { place: HeaderPlace; values: number; what: string },
): void {
  if (isOwnHeader(name) && action !== 'overwrite_if_exists_or_add') {
    throw invalid(what, `header '${name}' is in Verdict's name, and overwrites: not \`${action}\``)
  }
  if (place === 'response' && values > 1 && action !== 'append_if_exists_or_add') {
    throw invalid(what, `header '${name}' has several values, which \`${action}\` would lose`)
  }
}

/**
 * Reads `request_headers_to_remove`. Envoy passes over a removal of the host, without which there
 * is no request, and says nothing.
 * @throws {AuthzError} `decision_invalid`
 */
export function readRemoved(decision: Decided): readonly string[] {
  const what = 'request headers to remove'
  const names = readTexts(decision, 'request_headers_to_remove', what)
  for (const name of names) {
    if (!NAME.test(name)) throw invalid(what, `\`${name}\` is no name of a header`)
    if (name.toLowerCase() === 'host') throw invalid(what, '`host` can not be removed')
  }
  return names
}
