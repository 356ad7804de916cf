import { AuthzError, AuthzErrorCode } from '../errors.ts'
import { explainJson } from './json-fault.ts'

/**
 * Deeper JSON is refused, so that a body can't exhaust the stack of what reads the input after us:
 * a fault could let the request through where a gateway fails open.
 */
export const JSON_DEPTH_MAX = 512

/** A number of more characters may lose digits as a JavaScript number. */
const EXACT_NUMBER_CHARS_MAX = 15
const LONG_NUMBER = /\d[\d.]{15}/

/**
 * Reads JSON as opa-envoy-plugin does: numbers keep all of their digits on the way to the policy,
 * and what is no JSON is refused in Go's words.
 * @throws {AuthzError} `request_unreadable`
 */
export function parseJson(text: string): unknown {
  if (depthOf(text) > JSON_DEPTH_MAX) throw unreadable('exceeded max depth')
  try {
    return LONG_NUMBER.test(text) ? exactJson.parse(text, keepDigits) : JSON.parse(text)
  } catch (cause) {
    throw unreadable(explainJson(text), cause)
  }
}

interface ReviverContext {
  /** The text of a primitive value, as it came. */
  readonly source?: string
}

/** “JSON.parse source text access” of ECMA-262: Node has it, TypeScript does not know it. */
const exactJson = JSON as unknown as {
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: ReviverContext) => unknown,
  ): unknown
  rawJSON(text: string): object
}

function keepDigits(_key: string, value: unknown, { source }: ReviverContext): unknown {
  const long = typeof value === 'number' && (source?.length ?? 0) > EXACT_NUMBER_CHARS_MAX
  return long && source !== undefined ? exactJson.rawJSON(source) : value
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPENING: ReadonlySet<number> = new Set([0x5b, 0x7b])
const CLOSING: ReadonlySet<number> = new Set([0x5d, 0x7d])

/** How deep brackets are nested; those within strings don't count. In one pass, whatever comes. */
function depthOf(text: string): number {
  let depth = 0
  let deepest = 0
  let inString = false
  for (let at = 0; at < text.length; at++) {
    const char = text.charCodeAt(at)
    if (char === QUOTE) inString = !inString
    else if (inString) at += char === BACKSLASH ? 1 : 0
    else if (OPENING.has(char)) deepest = Math.max(deepest, ++depth)
    else if (CLOSING.has(char)) depth--
  }
  return deepest
}

function unreadable(message: string, cause?: unknown): AuthzError {
  return new AuthzError(AuthzErrorCode.requestUnreadable, message, { cause })
}
