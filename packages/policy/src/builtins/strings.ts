import { sprintf } from '../go/printf.ts'
import { readJson } from '../go/read-json.ts'
import { renderTemplate } from '../go/template/render.ts'
import type { Argument } from '../go/verb.ts'
import { regoText } from '../value/rego-text.ts'
import { isNumber, textOf, type Value } from '../value/value.ts'
import { BuiltinError, type Builtins } from './builtin.ts'
import { arrayOf, int64Of, objectOperand, stringOf, stringsOf } from './operands.ts'

const INT64_MAX = 2n ** 63n - 1n
/** Any place of a text may be one that is found. */
const UNITS_PER_POSITION = 4

export const stringBuiltins: Builtins = {
  sprintf: (evaluation, format, operands) =>
    sprintf(stringOf(format), arrayOf(operands).map(argumentOf), (units) =>
      evaluation.spend(units),
    ),
  'strings.count': (_, text, part) => count(stringOf(text), stringOf(part)),
  'strings.any_prefix_match': (evaluation, texts, prefixes) =>
    anyMatch(textsOf(texts), textsOf(prefixes), evaluation.spend.bind(evaluation), (text, prefix) =>
      text.startsWith(prefix),
    ),
  'strings.any_suffix_match': (evaluation, texts, suffixes) =>
    anyMatch(textsOf(texts), textsOf(suffixes), evaluation.spend.bind(evaluation), (text, suffix) =>
      text.endsWith(suffix),
    ),
  'strings.split_n': (_, text, separator, count) =>
    someParts(stringOf(text), stringOf(separator), Number(int64Of(count))),
  'strings.render_template': (evaluation, template, variables) => {
    // OPA hands the variables over as Rego's text, read as JSON: a set is none.
    const data = readJson(regoText(objectOperand(variables)))
    if (data === undefined) throw new BuiltinError('the variables are no JSON')
    const spend = (units: number) => evaluation.spend(units)
    return renderTemplate(stringOf(template), data, spend).replaceAll('<no value>', '<undefined>')
  },
  indexof_n: (evaluation, text, part) => {
    evaluation.spend(stringOf(text).length * UNITS_PER_POSITION)
    return positions(stringOf(text), stringOf(part))
  },
}

function textsOf(value: Value | undefined): string[] {
  return typeof value === 'string' ? [value] : stringsOf(value)
}

/** Numbers keep the kind that their text has; what is no number and no string is Rego's text. */
function argumentOf(value: Value): Argument {
  if (typeof value === 'string') return { type: 'string', value }
  if (!isNumber(value)) return { type: 'string', value: regoText(value) }
  const text = textOf(value)
  if (/[.eE]/.test(text)) {
    const double = Number(text)
    return Number.isFinite(double)
      ? { type: 'float64', value: double }
      : { type: 'string', value: text }
  }
  const integer = BigInt(text)
  const isSmall = integer <= INT64_MAX && integer >= -INT64_MAX - 1n
  return { type: isSmall ? 'int64' : '*big.Int', value: integer }
}

/** How often a text occurs without overlap; an empty one, before each character and at the end. */
function count(text: string, part: string): number {
  if (part === '') return [...text].length + 1
  return text.split(part).length - 1
}

/** The first parts of a text, or with a negative count the last. */
function someParts(text: string, separator: string, count: number): string[] {
  const parts = separator === '' ? [...text] : text.split(separator)
  return count < 0 ? parts.slice(count) : parts.slice(0, count)
}

function anyMatch(
  texts: readonly string[],
  parts: readonly string[],
  spend: (units: number) => void,
  matches: (text: string, part: string) => boolean,
): boolean {
  spend(texts.length * parts.length * 4)
  return texts.some((text) => parts.some((part) => matches(text, part)))
}

/** Where a text occurs, overlaps included, counted in characters. */
function positions(text: string, part: string): number[] {
  if (part === '') throw new BuiltinError('the text to search for is empty')
  const found: number[] = []
  let characters = 0
  let counted = 0
  for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + 1)) {
    for (; counted < at; characters++) counted += (text.codePointAt(counted) ?? 0) > 0xffff ? 2 : 1
    found.push(characters)
  }
  return found
}
