import type { HttpAttributes } from '../request.ts'
import { Ambiguity } from './ambiguity.ts'

/** Where several values came they are joined by a comma, in all protocols; these have but one. */
const SINGLE = [
  'host',
  ':authority',
  'content-length',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-forwarded-port',
] as const

/** What is ambiguous in headers that other components decide by. */
export function headerAmbiguities(read: (name: string) => string | undefined): number {
  for (const name of SINGLE) {
    if (read(name)?.includes(',') === true) return Ambiguity.repeated_header
  }
  const authorization = read('authorization')
  if (authorization?.includes(',') !== true) return 0
  return hasSecondCredential(authorization) ? Ambiguity.repeated_header : 0
}

/** Reads headers in either form; many at the cost of one pass. */
export function headerReader(http: HttpAttributes): (name: string) => string | undefined {
  const raw = http.headerMap?.headers
  const { headers } = http
  if (raw === undefined) return (name) => headers?.[name]
  const values = new Map<string, string>()
  for (const { key = '', value, rawValue } of raw) {
    const name = key.toLowerCase()
    const text = value ?? Buffer.from(rawValue ?? '', 'base64').toString('utf8')
    const held = values.get(name) ?? headers?.[name]
    values.set(name, held === undefined ? text : `${held},${text}`)
  }
  return (name) => values.get(name) ?? headers?.[name]
}

/**
 * Whether a scheme with its credential stands behind a comma: `Bearer a,Bearer b`. The parameters
 * of one credential have a `=` there: `Digest username="a, b c", realm="d"`.
 */
function hasSecondCredential(authorization: string): boolean {
  let isQuoted = false
  for (let at = 0; at < authorization.length; at++) {
    const character = authorization[at]
    if (character === '\\' && isQuoted) at++
    else if (character === '"') isQuoted = !isQuoted
    else if (character === ',' && !isQuoted) {
      CREDENTIAL.lastIndex = at + 1
      if (CREDENTIAL.test(authorization)) return true
    }
  }
  return false
}

const CREDENTIAL = /[ \t]*[\w!#$%&'*+.^`|~-]+[ \t]+[^\s=,]/y
