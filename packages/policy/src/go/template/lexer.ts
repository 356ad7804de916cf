import { BuiltinError } from '../../builtins/builtin.ts'

/** A piece of a template: a text that stands for itself, or the tokens of an action. */
export type Piece = { readonly text: string } | { readonly tokens: readonly Token[] }

export type TokenKind = 'space' | 'field' | 'variable' | 'word' | 'number' | 'string' | 'mark'

export interface Token {
  readonly kind: TokenKind
  /** What it says: the name without its dot, the string without quotes and escapes. */
  readonly text: string
}

const TOKENS: readonly (readonly [kind: TokenKind, form: RegExp])[] = [
  ['space', /^[ \t\r\n]+/],
  ['string', /^"(?:[^"\\\n]|\\.)*"|^`[^`]*`/],
  ['number', /^'(?:[^'\\\n]|\\.[^']*)'/],
  ['number', /^[-+]?0(?:[xX][0-9a-fA-F_]+|[bB][01_]+|[oO][0-7_]+)/],
  ['number', /^[-+]?(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9_]+)?/],
  ['variable', /^\$[\p{L}\p{Nd}_]*/u],
  ['field', /^\.[\p{L}_][\p{L}\p{Nd}_]*/u],
  ['word', /^[\p{L}_][\p{L}\p{Nd}_]*/u],
  ['mark', /^(?::=|[=|(),.])/],
]

/** Cuts a template into its pieces. @throws {BuiltinError} */
export function piecesOf(template: string): Piece[] {
  const pieces: Piece[] = []
  let at = 0
  let trimsLeft = false
  for (;;) {
    const open = template.indexOf('{{', at)
    const text = template.slice(at, open < 0 ? undefined : open)
    const trimsRight = open >= 0 && /^\{\{-[ \t\r\n]/.test(template.slice(open, open + 4))
    const left = trimsLeft ? text.replace(/^[ \t\r\n]+/, '') : text
    const trimmed = trimsRight ? left.replace(/[ \t\r\n]+$/, '') : left
    if (trimmed !== '') pieces.push({ text: trimmed })
    if (open < 0) return pieces
    const action = actionAt(template, open + (trimsRight ? 3 : 2))
    if (action.tokens !== undefined) pieces.push({ tokens: action.tokens })
    trimsLeft = action.trimsLeft
    at = action.end
  }
}

interface Action {
  /** Nothing for a comment. */
  readonly tokens: readonly Token[] | undefined
  readonly end: number
  /** Whether the white space behind the action goes. */
  readonly trimsLeft: boolean
}

function actionAt(template: string, start: number): Action {
  const comment = /^[ \t\r\n]*(?=\/\*)/.exec(template.slice(start))
  if (comment !== null) return commentAt(template, start + comment[0].length)
  const tokens: Token[] = []
  let at = start
  for (;;) {
    const rest = template.slice(at)
    const [close, trim] = /^(?:([ \t\r\n]+-)\}\}|\}\})/.exec(rest) ?? []
    if (close !== undefined) {
      return { tokens: checked(tokens), end: at + close.length, trimsLeft: trim !== undefined }
    }
    const token = tokenOf(rest)
    tokens.push(token.token)
    at += token.length
  }
}

function commentAt(template: string, start: number): Action {
  const end = template.indexOf('*/', start)
  const [close, trim] = /^(?:([ \t\r\n]+-)\}\}|\}\})/.exec(template.slice(end + 2)) ?? []
  if (end < 0 || close === undefined) throw new BuiltinError('a comment that is not closed')
  return { tokens: undefined, end: end + 2 + close.length, trimsLeft: trim !== undefined }
}

function tokenOf(rest: string): { token: Token; length: number } {
  for (const [kind, form] of TOKENS) {
    const [found] = form.exec(rest) ?? []
    if (found === undefined) continue
    const text = kind === 'string' ? unquoted(found) : kind === 'field' ? found.slice(1) : found
    return { token: { kind, text }, length: found.length }
  }
  throw new BuiltinError('the template has a character that means nothing')
}

/** A number or name must be followed by something that ends it. */
function checked(tokens: readonly Token[]): readonly Token[] {
  for (const [at, token] of tokens.entries()) {
    const next = tokens[at + 1]
    const isApart = token.kind === 'space' || next === undefined || next.kind === 'space'
    if (isApart || next.kind === 'mark') continue
    const isChain = next.kind === 'field' && token.kind !== 'number' && token.kind !== 'string'
    const isOpen = token.kind === 'mark' && token.text !== ')' && token.text !== '.'
    if (!isChain && !isOpen) throw new BuiltinError('two words of the template stick together')
  }
  return tokens
}

const ESCAPES: Readonly<Record<string, string>> = {
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  '"': '"',
  "'": "'",
}

/** A literal of Go without its quotes. @throws {BuiltinError} */
export function unquoted(literal: string): string {
  if (literal.startsWith('`')) return literal.slice(1, -1).replaceAll('\r', '')
  const quote = literal[0] === '"' ? "'" : '"'
  return literal
    .slice(1, -1)
    .replaceAll(
      /\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|x([0-7][0-9a-fA-F])|([01][0-7]{2})|(.))/gs,
      (...found: string[]) => {
        const [, short, long, byte, octal, letter = ''] = found
        const hex = short ?? long ?? byte
        const code = hex === undefined ? Number.parseInt(octal ?? '', 8) : Number.parseInt(hex, 16)
        if (!Number.isNaN(code) && code <= 0x10ffff) return String.fromCodePoint(code)
        const plain = letter === quote ? undefined : ESCAPES[letter]
        if (plain === undefined) throw new BuiltinError('an escape that Go does not have')
        return plain
      },
    )
}
