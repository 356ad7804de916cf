import { parseQuery } from './canonicalise.ts'
import { AuthzError, AuthzErrorCode } from './errors.ts'
import { parseJson } from './json-text.ts'
import { parseMediaType } from './media-type.ts'
import { readParts } from './multipart.ts'
import type { HttpAttributes } from './request.ts'

/** `parsed_body` and `truncated_body` of the input document. */
export interface ParsedBody {
  /** Null where there is no body, or none that is read. */
  readonly value: unknown
  /** Envoy sent a part of the body only, so that it is not read. */
  readonly truncated: boolean
}

const NONE: ParsedBody = Object.freeze({ value: null, truncated: false })
const TRUNCATED: ParsedBody = Object.freeze({ value: null, truncated: true })

/**
 * Reads a body by its content type as opa-envoy-plugin does: JSON, forms and multipart forms;
 * anything else stays unread.
 * @throws {AuthzError} `request_unreadable`
 */
export function parseBody(http: HttpAttributes | undefined): ParsedBody {
  const headers = http?.headers
  if (headers === undefined) return NONE
  if (headers['x-envoy-auth-partial-body'] === 'true') return TRUNCATED
  const type = headers['content-type']
  const parse = type === undefined ? undefined : parserOf(type)
  if (parse === undefined) return NONE
  const { text, bytes } = contentOf(http)
  if (bytes === 0) return NONE
  const length = headers['content-length']
  if (length !== undefined && isTruncated(length, bytes)) return TRUNCATED
  return { value: parse(text), truncated: false }
}

/** The order decides where a type holds several of the names. */
function parserOf(type: string): ((text: string) => unknown) | undefined {
  if (type.includes('application/json')) return parseJson
  if (type.includes('application/grpc')) return undefined
  if (type.includes('application/x-www-form-urlencoded')) return parseQuery
  if (type.includes('multipart/form-data')) return (text) => parseMultipart(text, type)
  return undefined
}

/** Envoy sends a body as text or, with `pack_as_bytes`, as bytes. */
function contentOf(http: HttpAttributes | undefined): { text: string; bytes: number } {
  if (http?.body) return { text: http.body, bytes: Buffer.byteLength(http.body) }
  const raw = Buffer.from(http?.rawBody ?? '', 'base64')
  return { text: raw.toString('utf8'), bytes: raw.length }
}

function isTruncated(contentLength: string, bytes: number): boolean {
  if (!/^[+-]?\d+$/.test(contentLength)) {
    throw unreadable(`strconv.ParseInt: parsing ${JSON.stringify(contentLength)}: invalid syntax`)
  }
  return Number(contentLength) > bytes
}

function parseMultipart(text: string, type: string): unknown {
  const boundary = parseMediaType(type).parameters.get('boundary')
  if (boundary === undefined) return null
  const values = new Map<string, unknown[]>()
  for (const { name, type: partType, text: partText } of readParts(text, boundary)) {
    const value = partType.includes('application/json') ? parseJson(partText) : partText
    const held = values.get(name)
    if (held === undefined) values.set(name, [value])
    else held.push(value)
  }
  return Object.fromEntries(values)
}

function unreadable(message: string): AuthzError {
  return new AuthzError(AuthzErrorCode.requestUnreadable, message)
}
