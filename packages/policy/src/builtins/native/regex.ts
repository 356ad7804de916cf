import { compilePattern, matchesOf, UNITS_PER_STEP } from '../../go/patterns.ts'
import { type Builtin, BuiltinError, type Builtins } from '../builtin.ts'
import { int64Of, stringOf } from '../operands.ts'

const match: Builtin = (evaluation, pattern, text) => {
  const compiled = compilePattern(stringOf(pattern))
  evaluation.spend(stringOf(text).length * compiled.programSize() * UNITS_PER_STEP)
  return compiled.test(stringOf(text))
}

export const nativeRegexBuiltins: Builtins = {
  'regex.is_valid': (evaluation, pattern) => {
    if (typeof pattern !== 'string') return false
    evaluation.spend(pattern.length)
    return isPattern(pattern)
  },
  'regex.match': match,
  re_match: match,
  'regex.find_all_string_submatch_n': (evaluation, pattern, text, count) => {
    const compiled = compilePattern(stringOf(pattern))
    const spend = (units: number) => evaluation.spend(units)
    const found = matchesOf(compiled, stringOf(text), Number(int64Of(count)), spend)
    return Array.from(found, ({ group }) =>
      Array.from({ length: compiled.groupCount() + 1 }, (_, at) => {
        const part = group(at)
        spend(part.length + 1)
        return part
      }),
    )
  },
}

function isPattern(pattern: string): boolean {
  try {
    compilePattern(pattern)
    return true
  } catch (thrown) {
    if (thrown instanceof BuiltinError) return false
    throw thrown
  }
}
