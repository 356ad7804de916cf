import type { RE2JS } from 're2js'
import { globsIntersect } from '../go/glob-intersection.ts'
import { compilePattern, type Match, matchesOf, UNITS_PER_STEP } from '../go/patterns.ts'
import { BuiltinError, type Builtins } from './builtin.ts'
import { int64Of, stringOf } from './operands.ts'

type Spend = (units: number) => void

export const regexBuiltins: Builtins = {
  'regex.replace': (evaluation, text, pattern, replacement) =>
    replaced(stringOf(text), compilePattern(stringOf(pattern)), stringOf(replacement), (units) =>
      evaluation.spend(units),
    ),
  'regex.split': (evaluation, pattern, text) =>
    splitBy(compilePattern(stringOf(pattern)), stringOf(text), (units) => evaluation.spend(units)),
  'regex.find_n': (evaluation, pattern, text, count) => {
    const limit = Number(int64Of(count))
    const found = matchesOf(compilePattern(stringOf(pattern)), stringOf(text), limit, (units) =>
      evaluation.spend(units),
    )
    return Array.from(found, ({ start, end }) => stringOf(text).slice(start, end))
  },
  'regex.template_match': (evaluation, template, text, open, close) => {
    const pattern = templatePattern(stringOf(template), stringOf(open), stringOf(close))
    const compiled = compilePattern(pattern)
    evaluation.spend(stringOf(text).length * compiled.programSize() * UNITS_PER_STEP)
    return compiled.test(stringOf(text))
  },
  'regex.globs_match': (evaluation, left, right) =>
    globsIntersect(stringOf(left), stringOf(right), (units) => evaluation.spend(units)),
}

function splitBy(pattern: RE2JS, text: string, spend: Spend): string[] {
  if (pattern.pattern() !== '' && text === '') return ['']
  const parts: string[] = []
  let begin = 0
  let end = 0
  for (const match of matchesOf(pattern, text, -1, spend)) {
    end = match.start
    if (match.end !== 0) parts.push(text.slice(begin, end))
    begin = match.end
  }
  return end === text.length ? parts : [...parts, text.slice(begin)]
}

function replaced(text: string, pattern: RE2JS, replacement: string, spend: Spend): string {
  const pieces = piecesOf(replacement)
  let out = ''
  let last = 0
  for (const match of matchesOf(pattern, text, -1, spend)) {
    const made = pieces.map((piece) => expanded(piece, match)).join('')
    spend(made.length)
    out += text.slice(last, match.start) + made
    last = match.end
  }
  return out + text.slice(last)
}

/** A piece of a replacement: a text, or a group by number or name. */
type Piece = { readonly text: string } | { readonly group: number | string }

function piecesOf(replacement: string): Piece[] {
  return replacement.split(/(\$(?:\$|\{[\p{L}\p{Nd}_]+\}|[\p{L}\p{Nd}_]+))/u).map((part, at) => {
    if (at % 2 === 0) return { text: part }
    if (part === '$$') return { text: '$' }
    const name = part.replace(/^\$\{?|\}$/g, '')
    return { group: /^(?:0|[1-9]\d{0,8})$/.test(name) ? Number(name) : name }
  })
}

function expanded(piece: Piece, match: Match): string {
  return 'text' in piece ? piece.text : match.group(piece.group)
}

/** What stands between the delimiters is a pattern, the rest stands for itself. */
function templatePattern(template: string, open: string, close: string): string {
  if (Buffer.byteLength(open) !== 1 || Buffer.byteLength(close) !== 1) {
    throw new BuiltinError('a delimiter must be one character of ASCII')
  }
  let pattern = '^'
  let level = 0
  let begin = 0
  for (let at = 0; at < template.length; at++) {
    if (template[at] === open) {
      if (level++ > 0) continue
      pattern += quoteMeta(template.slice(begin, at))
      begin = at + 1
    } else if (template[at] === close) {
      if (--level < 0) throw new BuiltinError('a delimiter that closes nothing')
      if (level > 0) continue
      const inner = template.slice(begin, at)
      compilePattern(`^${inner}$`)
      pattern += `(${inner})`
      begin = at + 1
    }
  }
  if (level !== 0) throw new BuiltinError('a delimiter that is not closed')
  return `${pattern}${quoteMeta(template.slice(begin))}$`
}

export function quoteMeta(text: string): string {
  return text.replaceAll(/[\\.+*?()|[\]{}^$]/g, '\\$&')
}
