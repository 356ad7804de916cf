import type { Value } from '../../value/value.ts'
import type { Builtins, Evaluation } from '../builtin.ts'
import { stringOf } from '../operands.ts'

/** What Go's `unicode.IsSpace` names. */
const SPACE = /[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/

export const trimBuiltins: Builtins = {
  trim: (evaluation, text, cut) => trimmed(evaluation, text, among(cut), 'both'),
  trim_left: (evaluation, text, cut) => trimmed(evaluation, text, among(cut), 'left'),
  trim_right: (evaluation, text, cut) => trimmed(evaluation, text, among(cut), 'right'),
  trim_space: (evaluation, text) =>
    trimmed(evaluation, text, (character) => SPACE.test(character), 'both'),
  trim_prefix: (_, text, prefix) => {
    const isThere = stringOf(text).startsWith(stringOf(prefix))
    return isThere ? stringOf(text).slice(stringOf(prefix).length) : stringOf(text)
  },
  trim_suffix: (_, text, suffix) => {
    const isThere = stringOf(text).endsWith(stringOf(suffix))
    return isThere
      ? stringOf(text).slice(0, stringOf(text).length - stringOf(suffix).length)
      : stringOf(text)
  },
}

function among(characters: Value | undefined): (character: string) => boolean {
  const cut = new Set(stringOf(characters))
  return (character) => cut.has(character)
}

function trimmed(
  evaluation: Evaluation,
  text: Value | undefined,
  isCut: (character: string) => boolean,
  sides: 'left' | 'right' | 'both',
): string {
  evaluation.spend(stringOf(text).length)
  const characters = [...stringOf(text)]
  let [start, end] = [0, characters.length]
  if (sides !== 'right') while (start < end && isCut(characters[start] ?? '')) start++
  if (sides !== 'left') while (end > start && isCut(characters[end - 1] ?? '')) end--
  return characters.slice(start, end).join('')
}
