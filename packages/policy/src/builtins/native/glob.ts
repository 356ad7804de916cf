import type { RE2JS } from 're2js'
import { globPattern } from '../../go/glob.ts'
import { compilePattern, UNITS_PER_STEP } from '../../go/patterns.ts'
import type { Value } from '../../value/value.ts'
import { BuiltinError, type Builtins } from '../builtin.ts'
import { arrayOf, stringOf } from '../operands.ts'

/** Globs that are kept compiled; beyond them, all are forgotten. */
const GLOBS_MAX = 2_000
/** A longer glob is compiled anew each time, so that what is kept stays small. */
const GLOB_LENGTH_MAX = 256

/** By separators, then by glob. */
const kept = new Map<string, Map<string, RE2JS>>()
let keptCount = 0

/** What OPA separates by where an empty array is given. */
const DEFAULT_SEPARATORS = ['.']

export const nativeGlobBuiltins: Builtins = {
  'glob.match': (evaluation, glob, separators, text) => {
    const [pattern, subject] = [stringOf(glob), stringOf(text)]
    evaluation.spend(pattern.length * UNITS_PER_STEP)
    const compiled = compiledGlob(pattern, separatorsOf(separators))
    evaluation.spend(subject.length * compiled.programSize() * UNITS_PER_STEP)
    return compiled.test(subject)
  },
}

function compiledGlob(glob: string, separators: readonly string[]): RE2JS {
  const group = separators.join('')
  const known = kept.get(group)?.get(glob)
  if (known !== undefined) return known
  const made = compilePattern(globPattern(glob, separators))
  if (glob.length + group.length > GLOB_LENGTH_MAX) return made
  if (keptCount >= GLOBS_MAX) {
    kept.clear()
    keptCount = 0
  }
  const globs = kept.get(group) ?? new Map<string, RE2JS>()
  kept.set(group, globs.set(glob, made))
  keptCount += 1
  return made
}

function separatorsOf(value: Value | undefined): string[] {
  if (value === null) return []
  const separators = arrayOf(value).map(stringOf)
  if (separators.some((separator) => separator.length !== 1 && [...separator].length !== 1)) {
    throw new BuiltinError('a separator must be one character')
  }
  return separators.length === 0 ? DEFAULT_SEPARATORS : separators
}
