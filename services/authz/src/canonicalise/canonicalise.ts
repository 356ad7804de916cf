import { AuthzError, AuthzErrorCode } from '../errors.ts'
import type { HttpAttributes } from '../request.ts'
import { Ambiguity } from './ambiguity.ts'
import { authorityAmbiguities, canonicalAuthority } from './authority.ts'
import { headerAmbiguities, headerReader } from './header-ambiguities.ts'
import { unescapePath, unescapeQuery } from './percent.ts'
import { authorityOf, targetAmbiguities } from './target-ambiguities.ts'

/**
 * The one reading of a request that the policy, the record and the destination rest on. It is
 * opa-envoy-plugin's: nothing is resolved or folded, `.` and `..` and empty segments stay. What
 * another component could read differently is in `ambiguities`.
 */
export interface CanonicalRequest {
  readonly method: string
  /** As it came, without the query. */
  readonly path: string
  readonly host: string
  /** The host as equal ones are equal. */
  readonly authority: string
  /** The decoded path without leading slashes, cut at slashes. */
  readonly parsedPath: readonly string[]
  readonly parsedQuery: Readonly<Record<string, readonly string[]>>
  /** The bits of each `Ambiguity` that is there. */
  readonly ambiguities: number
}

/** @throws {AuthzError} `request_unreadable` */
export function canonicalise(http: HttpAttributes | undefined): CanonicalRequest {
  const target = http?.path ?? ''
  const cut = target.indexOf('?')
  const path = cut === -1 ? target : target.slice(0, cut)
  const host = http?.host ?? ''
  const authority = canonicalAuthority(host, http?.scheme)
  const parsedPath = parsePath(path)
  const parsedQuery = cut === -1 ? NO_QUERY : parseQuery(target.slice(cut + 1))
  return {
    method: http?.method ?? '',
    path,
    host,
    authority,
    parsedPath,
    parsedQuery,
    // A connection that is no HTTP has no target to be read in two ways.
    ambiguities: http === undefined ? 0 : ambiguitiesOf(http, target, authority),
  }
}

/** The one form of nearly every method. */
const METHOD = /^[A-Z]+(?:-[A-Z]+)*$/

/** The target is one whose escapes are well-formed. */
function ambiguitiesOf(http: HttpAttributes, target: string, authority: string): number {
  const { method = '', host = '', scheme } = http
  const read = headerReader(http)
  let bits = targetAmbiguities(target) | headerAmbiguities(read)
  bits |= authorityAmbiguities(host, authority)
  if (method !== '' && !METHOD.test(method)) bits |= Ambiguity.method_form
  for (const other of [read(':authority'), read('host'), authorityOf(target)]) {
    if (other === undefined || other === host || other === '' || host === '') continue
    if (canonicalAuthority(other, scheme) !== authority) bits |= Ambiguity.authority_mismatch
  }
  return bits
}

/** The path of a request that can't be read any further, for its record. */
export function pathOf(http: HttpAttributes | undefined): string {
  return (http?.path ?? '').split('?', 1)[0] ?? ''
}

const NO_QUERY = Object.freeze({})

function parsePath(path: string): string[] {
  const decoded = unescapePath(path)
  let start = 0
  while (decoded.charCodeAt(start) === SLASH) start++
  return decoded.slice(start).split('/')
}

const SLASH = 0x2f

/** A query, or a form, of more pairs is refused, as Go refuses it. */
export const QUERY_PAIRS_MAX = 10_000

/**
 * Reads `a=1&a=2&b` as Go's `url.ParseQuery` does: values by key in the order in which they came.
 * @throws {AuthzError} `request_unreadable` on a semicolon, a malformed escape or too many pairs
 */
export function parseQuery(query: string): Record<string, string[]> {
  const pairs = query.split('&', QUERY_PAIRS_MAX + 1)
  if (pairs.length > QUERY_PAIRS_MAX) {
    throw unreadable('number of URL query parameters exceeded limit')
  }
  const values = new Map<string, string[]>()
  for (const pair of pairs) {
    if (pair.includes(';')) throw unreadable('invalid semicolon separator in query')
    if (pair === '') continue
    const cut = pair.indexOf('=')
    const key = unescapeQuery(cut === -1 ? pair : pair.slice(0, cut))
    const value = cut === -1 ? '' : unescapeQuery(pair.slice(cut + 1))
    const held = values.get(key)
    if (held === undefined) values.set(key, [value])
    else held.push(value)
  }
  // Unlike an assignment, this makes `__proto__` a key like any other.
  return Object.fromEntries(values)
}

function unreadable(message: string): AuthzError {
  return new AuthzError(AuthzErrorCode.requestUnreadable, message)
}
