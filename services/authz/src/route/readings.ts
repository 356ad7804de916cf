import { Ambiguity } from '../canonicalise/ambiguity.ts'
import type { CanonicalRequest } from '../canonicalise/canonicalise.ts'
import { unescapePath } from '../canonicalise/percent.ts'

/** A longer path is not read in other ways: it counts as one that they differ about. */
export const READ_CHARS_MAX = 4_096
/** How often an escape may be decoded again. */
const DECODINGS_MAX = 2

/** What another component may make of the text of a path, each by the kind that tells of it. */
const STEPS: readonly (readonly [kind: number, read: (text: string) => string])[] = [
  [Ambiguity.absolute_target, (text) => text.replace(/^[A-Za-z][A-Za-z0-9+.-]*:\/\/[^/]*/, '')],
  [Ambiguity.double_encoding, decodeAgain],
  [Ambiguity.lookalike, plainLetters],
  [Ambiguity.fragment, (text) => text.replace(/[#?].*$/s, '')],
  [Ambiguity.nul, (text) => text.replace(/\0.*$/s, '')],
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what some readers drop
  [Ambiguity.control_character, (text) => text.replaceAll(/[\x01-\x1f\x7f-\x9f]/g, '')],
  [Ambiguity.backslash, (text) => text.replaceAll('\\', '/')],
  [Ambiguity.path_parameter, (text) => text.replaceAll(/;[^/]*/g, '')],
]

/** The kinds that are about the path. */
export const PATH_KINDS =
  STEPS.reduce((bits, [kind]) => bits | kind, 0) |
  Ambiguity.encoded_slash |
  Ambiguity.empty_segment |
  Ambiguity.dot_segment |
  Ambiguity.encoded_dot_segment |
  Ambiguity.rootless_path |
  Ambiguity.invalid_utf8

/**
 * The segments of a path as others may read it: with escaped slashes kept, with each step by which
 * it is ambiguous, with all of the steps; each of these also without empty segments, with its dot
 * segments resolved, and with both. Undefined where the path is too long for that.
 */
export function otherReadings({
  path,
  parsedPath,
  ambiguities,
}: CanonicalRequest): (readonly string[])[] | undefined {
  if (path.length > READ_CHARS_MAX) return undefined
  const decoded = unescapePath(path)
  const texts = STEPS.filter(([kind]) => (ambiguities & kind) !== 0).map(([, read]) =>
    read(decoded),
  )
  texts.push(STEPS.reduce((text, [, read]) => read(text), decoded))
  const read = [
    parsedPath,
    path.split('/').map(unescapePath),
    ...texts.map((text) => text.split('/')),
  ].map(withoutLeading)
  return read.flatMap((segments) => {
    const merged = segments.filter((segment, at) => segment !== '' || at === segments.length - 1)
    return [segments, merged, resolved(segments), resolved(merged)]
  })
}

/** As `parsed_path` has it. */
function withoutLeading(segments: readonly string[]): readonly string[] {
  const first = segments.findIndex((segment) => segment !== '')
  return first === -1 ? [''] : segments.slice(first)
}

function resolved(segments: readonly string[]): readonly string[] {
  const kept: string[] = []
  for (const [at, segment] of segments.entries()) {
    const isDots = segment === '.' || segment === '..'
    if (segment === '..') kept.pop()
    if (!isDots) kept.push(segment)
    else if (at === segments.length - 1) kept.push('')
  }
  return withoutLeading(kept)
}

function decodeAgain(text: string): string {
  let read = text
  for (let times = 0; times < DECODINGS_MAX; times++) {
    // What is no escape stays, as lenient readers have it.
    read = unescapePath(read.replaceAll(/%(?![0-9A-Fa-f]{2})/g, '%25'))
  }
  return read
}

function plainLetters(text: string): string {
  return text
    .replaceAll(/[\u2044\u2215\u29f8\uff0f]/g, '/')
    .replaceAll(/[\u2216\u29f5\u29f9\ufe68\uff3c]/g, '\\')
    .replaceAll(/[\u2024\u3002\ufe52\uff0e\uff61]/g, '.')
    .replaceAll(/[\ufe6a\uff05]/g, '%')
    .replaceAll('\u2025', '..')
    .replaceAll('\u2026', '...')
}
