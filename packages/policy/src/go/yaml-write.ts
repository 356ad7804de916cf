import { isArray, isNumber, isObject, textOf, type Value } from '../value/value.ts'
import { formatFloat } from './float.ts'
import { compareYamlKeys } from './yaml-keys.ts'
import { isOldForm, resolveScalar } from './yaml-resolve.ts'

/** A longer key has a line of its own, behind a question mark. */
const SIMPLE_KEY_BYTES_MAX = 128

/** A `jsonValue` as go-yaml writes it, two spaces for each level. */
export function writeYaml(value: Value): string {
  if (isBlock(value)) return block(value, 0)
  return `${scalar(value, 2, false)}\n`.replace(/\n\n$/, '\n')
}

function isBlock(value: Value): boolean {
  return (isArray(value) && value.length > 0) || (isObject(value) && value.size > 0)
}

/** The lines of a collection; the first is not indented. */
function block(value: Value, indent: number): string {
  const margin = ' '.repeat(indent)
  if (isArray(value)) {
    return value.map((item) => `- ${inner(item, indent)}`).join(margin)
  }
  if (!isObject(value)) return ''
  const keys = [...value.keys()].map(String).sort(compareYamlKeys)
  return keys.map((key) => entry(key, value.get(key) ?? null, indent)).join(margin)
}

/** What follows an indicator on its line. */
function inner(value: Value, indent: number): string {
  return isBlock(value) ? block(value, indent + 2) : line(scalar(value, indent + 2, false))
}

function entry(key: string, value: Value, indent: number): string {
  const isSimple =
    !/[\n\r\u0085\u2028\u2029]/.test(key) && Buffer.byteLength(key) <= SIMPLE_KEY_BYTES_MAX
  if (!isSimple) {
    return `? ${line(scalar(key, indent + 2, false))}${' '.repeat(indent)}: ${inner(value, indent)}`
  }
  const name = `${scalar(key, indent + 2, true)}:`
  if (!isBlock(value)) return line(`${name} ${scalar(value, indent + 2, false)}`.replace(/ $/, ''))
  return `${name}\n${' '.repeat(indent + 2)}${block(value, indent + 2)}`
}

/** A text of several lines may end its last one already. */
function line(text: string): string {
  return text.endsWith('\n') ? text : `${text}\n`
}

function scalar(value: Value, indent: number, isKey: boolean): string {
  if (typeof value === 'string') return stringScalar(value, indent, isKey)
  if (isArray(value)) return '[]'
  if (isObject(value)) return '{}'
  return isNumber(value) ? numberScalar(textOf(value)) : String(value)
}

/** Numbers are read as YAML first, and written as what they then are. */
function numberScalar(text: string): string {
  const resolved = resolveScalar(text)
  if (resolved.kind === 'int') return String(resolved.value)
  return resolved.kind === 'float' ? formatFloat(resolved.value, 'g') : text
}

function stringScalar(text: string, indent: number, isKey: boolean): string {
  const isPlain = resolveScalar(text).kind === 'string' && !isOldForm(text)
  const shape = shapeOf(text)
  if (text.includes('\n')) {
    return shape.isBlock && !isKey ? literal(text, indent) : doubleQuoted(text)
  }
  if (!isPlain || !shape.isSingleQuoted) return doubleQuoted(text)
  if (shape.isPlain) return text
  return `'${broken(text.replaceAll("'", "''"), indent)}'`
}

interface Shape {
  readonly isPlain: boolean
  readonly isSingleQuoted: boolean
  readonly isBlock: boolean
}

/** The forms in which a text survives. */
function shapeOf(text: string): Shape {
  if (text === '') return { isPlain: true, isSingleQuoted: true, isBlock: false }
  const isSpecial = /[^\n\t\u0020-\u007e\u00a0-\ud7ff\ue000-\ufefe\uff00-\ufffd]/.test(text)
  const hasSpaceBreak = / [\n\r\u0085\u2028\u2029]/.test(text)
  const hasBreakSpace = /[\n\r\u0085\u2028\u2029] /.test(text)
  const isSingleQuoted = !(hasBreakSpace || hasSpaceBreak || isSpecial || text.includes('\t'))
  return {
    isPlain: isSingleQuoted && !hasIndicators(text) && !/[\n\r\u0085\u2028\u2029]|^ | $/.test(text),
    isSingleQuoted,
    isBlock: !(text.endsWith(' ') || hasSpaceBreak || isSpecial),
  }
}

/** Whether something in the text means something to YAML where it stands. */
function hasIndicators(text: string): boolean {
  return (
    /^(?:---|\.\.\.)/.test(text) ||
    /^[#,[\]{}&*!|>'"%@`]/.test(text) ||
    /^[?:-](?:[ \t]|$)/.test(text) ||
    /.:(?:[ \t]|$)/su.test(text) ||
    /[\s\0]#/.test(text)
  )
}

function literal(text: string, indent: number): string {
  const hint = /^[ \n\r\u0085\u2028\u2029]/.test(text) ? '2' : ''
  const chomp = /[\n\u2028\u2029]$/.test(text)
    ? /(?:^|[\n\u2028\u2029])[\n\u2028\u2029]$/.test(text)
      ? '+'
      : ''
    : '-'
  const lines = text.replaceAll(
    /(^|[\n\u2028\u2029])(?=[^\n\u2028\u2029])/g,
    `$1${' '.repeat(indent)}`,
  )
  return `|${hint}${chomp}\n${lines}`
}

/** Indents what follows a line separator. */
function broken(text: string, indent: number): string {
  return text.replaceAll(/([\u2028\u2029]+)(?=[^\u2028\u2029])/g, `$1${' '.repeat(indent)}`)
}

const ESCAPES: ReadonlyMap<string, string> = new Map(
  Object.entries({
    '\0': '0',
    '\u0007': 'a',
    '\b': 'b',
    '\t': 't',
    '\n': 'n',
    '\v': 'v',
    '\f': 'f',
    '\r': 'r',
    '\u001b': 'e',
    '"': '"',
    '\\': '\\',
    '\u0085': 'N',
    '\u00a0': '_',
    '\u2028': 'L',
    '\u2029': 'P',
  }),
)

function doubleQuoted(text: string): string {
  // A text that begins with a byte order mark is escaped throughout.
  const escaped = text.startsWith('\ufeff')
    ? /./gsu
    : /["\\\u2028\u2029]|[^\u0020-\u007e\u00a0-\ud7ff\ue000-\ufefe\uff00-\ufffd]/gu
  return `"${text.replaceAll(escaped, escapeOf)}"`
}

function escapeOf(character: string): string {
  const known = ESCAPES.get(character)
  if (known !== undefined) return `\\${known}`
  const code = character.codePointAt(0) ?? 0
  const [letter, digits] = code <= 0xff ? ['x', 2] : code <= 0xffff ? ['u', 4] : (['U', 8] as const)
  return `\\${letter}${code.toString(16).toUpperCase().padStart(Number(digits), '0')}`
}
