import { RE2JS } from 're2js'
import { BuiltinError } from '../builtins/builtin.ts'

/** The patterns that are kept compiled; the one that was used longest ago goes first. */
const PATTERNS_MAX = 200
/** A longer pattern is compiled anew each time, so that what is kept stays small. */
const PATTERN_LENGTH_MAX = 4_096
/** What a character costs for each instruction of a pattern. */
export const UNITS_PER_STEP = 2
/** Where a search reads much further than the match it finds, its time is charged too. */
const UNITS_PER_MS = 300_000
/** Times below this are not, so that the same evaluation costs the same. */
const FREE_MS = 2

const compiled = new Map<string, RE2JS>()

/** A regular expression in RE2's syntax. @throws {BuiltinError} */
export function compilePattern(pattern: string): RE2JS {
  const known = compiled.get(pattern)
  if (known !== undefined) {
    compiled.delete(pattern)
    compiled.set(pattern, known)
    return known
  }
  const made = compileAnew(pattern)
  if (pattern.length > PATTERN_LENGTH_MAX) return made
  if (compiled.size >= PATTERNS_MAX) compiled.delete(compiled.keys().next().value ?? '')
  compiled.set(pattern, made)
  return made
}

function compileAnew(pattern: string): RE2JS {
  try {
    return RE2JS.compile(pattern)
  } catch (cause) {
    throw new BuiltinError('the pattern is no regular expression of RE2', { cause })
  }
}

/** A match: where it begins and ends, and its groups. */
export interface Match {
  readonly start: number
  readonly end: number
  /** The text of a group, by number or name; empty where it took no part. */
  group(key: number | string): string
}

/**
 * The matches as Go's `FindAll` gives them: an empty one right behind another is none. A negative
 * `limit` is none.
 */
export function* matchesOf(
  pattern: RE2JS,
  text: string,
  limit: number,
  spend: (units: number) => void,
): Generator<Match> {
  const matcher = pattern.matcher(text)
  const size = pattern.programSize()
  spend(text.length * size * UNITS_PER_STEP)
  const started = performance.now()
  let charged = FREE_MS
  let found = 0
  let before = -1
  for (let at = 0; at <= text.length && found !== limit; ) {
    if (!matcher.find(at)) return
    const [start, end] = [matcher.start(), matcher.end()]
    spend(end - at + size)
    const elapsed = performance.now() - started
    if (elapsed > charged) {
      spend(Math.ceil((elapsed - charged) * UNITS_PER_MS))
      charged = elapsed
    }
    const isRepeated = end === at && start === before
    before = end
    at = end === at ? at + ((text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1) : end
    if (isRepeated) continue
    found++
    yield { start, end, group: (key) => groupOf(pattern, matcher, key) }
  }
}

function groupOf(
  pattern: RE2JS,
  matcher: ReturnType<RE2JS['matcher']>,
  key: number | string,
): string {
  const number = typeof key === 'number' ? key : pattern.namedGroups()[key]
  if (number === undefined || number > pattern.groupCount()) return ''
  return matcher.group(number) ?? ''
}
