import { parseQuery } from '../canonicalise/canonicalise.ts'
import { AuthzError, AuthzErrorCode } from '../errors.ts'
import type { HttpAttributes } from '../request.ts'
import { type GrpcMessages, readGrpcBody } from './grpc-body.ts'
import { parseJson } from './json-text.ts'
import { parseMediaType } from './media-type.ts'
import { readParts } from './multipart.ts'

/** `parsed_body` and `truncated_body` of the input document. */
export interface ParsedBody {
  /** Null where there is no body, or none that is read. */
  readonly value: unknown
  /** Envoy sent a part of the body only, so that it is not read. */
  readonly truncated: boolean
}

const NONE: ParsedBody = Object.freeze({ value: null, truncated: false })
const TRUNCATED: ParsedBody = Object.freeze({ value: null, truncated: true })

/** What gRPC bodies are read with, and for which path. */
export interface GrpcBodies {
  readonly messages: GrpcMessages | undefined
  readonly parsedPath: readonly string[]
}

/**
 * Reads a body by its content type as opa-envoy-plugin does: JSON, forms, multipart forms and,
 * where there is a descriptor, gRPC; anything else stays unread.
 * @throws {AuthzError} `request_unreadable`
 */
export function parseBody(http: HttpAttributes | undefined, grpc?: GrpcBodies): ParsedBody {
  const headers = http?.headers
  if (headers === undefined) return NONE
  if (headers['x-envoy-auth-partial-body'] === 'true') return TRUNCATED
  const type = headers['content-type']
  if (type !== undefined && isGrpc(type)) return parseGrpc(http, grpc)
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
  if (type.includes('application/x-www-form-urlencoded')) return parseQuery
  if (type.includes('multipart/form-data')) return (text) => parseMultipart(text, type)
  return undefined
}

function isGrpc(type: string): boolean {
  return type.includes('application/grpc') && !type.includes('application/json')
}

/** As there, a body that Envoy sends as text, without `pack_as_bytes`, is not read. */
function parseGrpc(http: HttpAttributes | undefined, grpc: GrpcBodies | undefined): ParsedBody {
  if (grpc?.messages === undefined) return NONE
  const raw = Buffer.from(http?.rawBody ?? '', 'base64')
  const body = readGrpcBody(grpc.messages, grpc.parsedPath, raw)
  if (body.kind === 'truncated') return TRUNCATED
  return body.kind === 'message' ? { value: body.value, truncated: false } : NONE
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
