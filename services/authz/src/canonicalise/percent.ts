import { isUtf8 } from 'node:buffer'
import { AuthzError, AuthzErrorCode } from '../errors.ts'

/**
 * Percent-decoding as Go's `net/url` does it, which opa-envoy-plugin's `parsed_path` and
 * `parsed_query` rest on: bytes that are not UTF-8 become U+FFFD, one for each byte.
 * @throws {AuthzError} `request_unreadable` on a malformed escape
 */
export function unescapePath(text: string): string {
  return text.includes('%') ? unescapeText(text) : text
}

/** As `unescapePath`, and `+` is a space. */
export function unescapeQuery(text: string): string {
  return unescapePath(text.includes('+') ? text.replaceAll('+', ' ') : text)
}

function unescapeText(text: string): string {
  const malformed = /%(?![0-9A-Fa-f]{2})/.exec(text)
  if (malformed !== null) {
    const sequence = text.slice(malformed.index, malformed.index + 3)
    throw new AuthzError(
      AuthzErrorCode.requestUnreadable,
      `invalid URL escape ${JSON.stringify(sequence)}`,
    )
  }
  try {
    return decodeURIComponent(text)
  } catch {
    // The bytes are not UTF-8, and nothing else can be wrong here.
    return decodeBytes(unescapeBytes(text))
  }
}

function unescapeBytes(text: string): Buffer {
  const source = Buffer.from(text, 'utf8')
  const bytes = Buffer.allocUnsafe(source.length)
  let length = 0
  for (let at = 0; at < source.length; at++) {
    const escaped = source[at] === 0x25
    const byte = escaped
      ? Number.parseInt(source.toString('latin1', at + 1, at + 3), 16)
      : (source[at] ?? 0)
    bytes[length++] = byte
    if (escaped) at += 2
  }
  return bytes.subarray(0, length)
}

/** The longest sequence of UTF-8. */
const SEQUENCE_BYTES_MAX = 4

/** Where WHATWG's decoder replaces a broken sequence once, Go replaces each of its bytes. */
function decodeBytes(bytes: Buffer): string {
  let text = ''
  for (let at = 0; at < bytes.length; ) {
    let length = 1
    while (length <= SEQUENCE_BYTES_MAX && !isUtf8(bytes.subarray(at, at + length))) length++
    const whole = length <= SEQUENCE_BYTES_MAX && at + length <= bytes.length
    text += whole ? bytes.toString('utf8', at, at + length) : '\ufffd'
    at += whole ? length : 1
  }
  return text
}
