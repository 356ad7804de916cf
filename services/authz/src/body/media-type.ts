import { AuthzError, AuthzErrorCode } from '../errors.ts'

/** A media type, or a content disposition, which has the same form. */
export interface MediaType {
  /** In lower case, without parameters. */
  readonly type: string
  /** By name in lower case. */
  readonly parameters: ReadonlyMap<string, string>
}

const TOKEN = /[!#$%&'*+\-.^_`|~0-9A-Za-z]+/y
const TYPE = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+(\/[!#$%&'*+\-.^_`|~0-9A-Za-z]+)?$/
const SPACE = /\s*/y
const NEEDS_BACKSLASH = /^[()<>@,;:\\"/[\]?=]$/

/**
 * Reads `form-data; name="a"` as Go's `mime.ParseMediaType` does (RFC 2045, without the
 * continuations of RFC 2231).
 * @throws {AuthzError} `request_unreadable`
 */
export function parseMediaType(text: string): MediaType {
  const cut = text.indexOf(';')
  const type = (cut === -1 ? text : text.slice(0, cut)).trim().toLowerCase()
  if (type === '') throw unreadable('mime: no media type')
  if (!TYPE.test(type)) throw unreadable('mime: invalid media type')
  return { type, parameters: cut === -1 ? new Map() : readParameters(text, cut) }
}

function readParameters(text: string, start: number): Map<string, string> {
  const parameters = new Map<string, string>()
  for (let at = start; at < text.length; ) {
    const found = readParameter(text, at)
    if (found === undefined) {
      if (text.slice(at).trim() === ';') return parameters
      throw unreadable('mime: invalid media parameter')
    }
    const held = parameters.get(found.name)
    if (held !== undefined && held !== found.value) {
      throw unreadable('mime: duplicate parameter name')
    }
    parameters.set(found.name, found.value)
    at = skipSpace(text, found.end)
  }
  return parameters
}

interface Found {
  readonly name: string
  readonly value: string
  readonly end: number
}

/** Reads `; name=value`; undefined where that is not what stands here. */
function readParameter(text: string, start: number): Found | undefined {
  if (text[start] !== ';') return undefined
  const nameAt = skipSpace(text, start + 1)
  const name = tokenAt(text, nameAt)
  const equalsAt = skipSpace(text, nameAt + name.length)
  if (name === '' || text[equalsAt] !== '=') return undefined
  const valueAt = skipSpace(text, equalsAt + 1)
  const key = name.toLowerCase()
  if (text[valueAt] === '"') return quotedAt(text, valueAt, key)
  const value = tokenAt(text, valueAt)
  return value === '' ? undefined : { name: key, value, end: valueAt + value.length }
}

function quotedAt(text: string, start: number, name: string): Found | undefined {
  let value = ''
  for (let at = start + 1; at < text.length; at++) {
    const char = text[at] ?? ''
    if (char === '"') return { name, value, end: at + 1 }
    if (char === '\r' || char === '\n') return undefined
    // Browsers send `C:\dir` as it is: only what needs the backslash loses it.
    const escaped = char === '\\' && NEEDS_BACKSLASH.test(text[at + 1] ?? '')
    if (escaped) at++
    value += escaped ? text[at] : char
  }
  return undefined
}

function tokenAt(text: string, at: number): string {
  TOKEN.lastIndex = at
  return TOKEN.exec(text)?.[0] ?? ''
}

function skipSpace(text: string, at: number): number {
  SPACE.lastIndex = at
  return at + (SPACE.exec(text)?.[0].length ?? 0)
}

function unreadable(message: string): AuthzError {
  return new AuthzError(AuthzErrorCode.requestUnreadable, message)
}
