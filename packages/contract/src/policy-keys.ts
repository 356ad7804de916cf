/** Keys of the policies' stores: more is refused, so that each stays one subject of NATS. */
export const POLICY_KEY_CHARS_MAX = 1024
export const POLICY_PATH_SEGMENTS_MAX = 32

/**
 * The key of a path in `data`: its segments joined with `.`, each encoded so that it can be read
 * back: `A–Z a–z 0–9 _ -` stand for themselves, every other byte of its UTF-8 is `=` and two
 * hexadecimal digits in lower case, the empty segment is a lone `=`. Undefined where the path is
 * empty, too long or no text in Unicode.
 */
export function policyKey(path: readonly string[]): string | undefined {
  if (path.length === 0 || path.length > POLICY_PATH_SEGMENTS_MAX) return undefined
  if (!path.every((segment) => segment.isWellFormed())) return undefined
  const key = path.map(encodeSegment).join('.')
  return key.length > POLICY_KEY_CHARS_MAX ? undefined : key
}

/** The path of a key; undefined where `policyKey` makes no such key. */
export function policyPath(key: string): string[] | undefined {
  if (key.length > POLICY_KEY_CHARS_MAX) return undefined
  const path = key.split('.').map(decodeSegment)
  return policyKey(path) === key ? path : undefined
}

function encodeSegment(segment: string): string {
  if (segment === '') return '='
  let encoded = ''
  for (const byte of Buffer.from(segment, 'utf8')) {
    const char = String.fromCharCode(byte)
    const plain = /[A-Za-z0-9_-]/.test(char)
    encoded += plain ? char : `=${byte.toString(16).padStart(2, '0')}`
  }
  return encoded
}

/** What is no encoding comes out as something that is encoded differently. */
function decodeSegment(encoded: string): string {
  if (encoded === '=') return ''
  const bytes: number[] = []
  for (const [part] of encoded.matchAll(/=[0-9a-f]{2}|./gs)) {
    bytes.push(part.length === 3 ? Number.parseInt(part.slice(1), 16) : part.charCodeAt(0))
  }
  return Buffer.from(bytes).toString('utf8')
}
