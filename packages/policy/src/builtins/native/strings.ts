import { lowerCase, upperCase } from '../../go/letter-case.ts'
import { replaceAll } from '../../go/replace.ts'
import type { Value } from '../../value/value.ts'
import { BuiltinError, type Builtins, type Evaluation } from '../builtin.ts'
import { int64Of, objectOperand, stringOf, stringsOf } from '../operands.ts'

/** Characters are code points, as in OPA. */
export const nativeStringBuiltins: Builtins = {
  concat: (evaluation, separator, texts) => {
    const [between, parts] = [stringOf(separator), stringsOf(texts)]
    for (const part of parts) evaluation.spend(part.length + between.length)
    return parts.join(between)
  },
  contains: (evaluation, text, part) => paid(evaluation, text).includes(stringOf(part)),
  startswith: (_, text, part) => stringOf(text).startsWith(stringOf(part)),
  endswith: (_, text, part) => stringOf(text).endsWith(stringOf(part)),
  indexof: (evaluation, text, part) => {
    if (stringOf(part) === '') throw new BuiltinError('the text to search for is empty')
    const at = paid(evaluation, text).indexOf(stringOf(part))
    return at < 0 ? at : [...stringOf(text).slice(0, at)].length
  },
  lower: (evaluation, text) => lowerCase(paid(evaluation, text)),
  upper: (evaluation, text) => upperCase(paid(evaluation, text)),
  split: (evaluation, text, separator) => {
    const whole = paid(evaluation, text)
    return stringOf(separator) === '' ? [...whole] : whole.split(stringOf(separator))
  },
  'strings.reverse': (evaluation, text) => [...paid(evaluation, text)].reverse().join(''),
  substring: (evaluation, text, offset, length) => {
    const [start, count] = [int64Of(offset), int64Of(length)]
    if (start < 0n) throw new BuiltinError('the offset must not be negative')
    const characters = [...paid(evaluation, text)].slice(Number(start))
    return (count < 0n ? characters : characters.slice(0, Number(count))).join('')
  },
  replace: (evaluation, text, part, made) =>
    replaceAll(stringOf(text), [[stringOf(part), stringOf(made)]], (units) =>
      evaluation.spend(units),
    ),
  'strings.replace_n': (evaluation, pairs, text) => {
    const parts = [...objectOperand(pairs)]
    return replaceAll(
      stringOf(text),
      parts.map(([part, made]) => [stringOf(part), stringOf(made)]),
      (units) => evaluation.spend(units),
    )
  },
}

function paid(evaluation: Evaluation, text: Value | undefined): string {
  evaluation.spend(stringOf(text).length)
  return stringOf(text)
}
