import { type Constant, constantOf, NotReadable, type Token } from './tokens.ts'

/** A package clause, an import or a rule of a source. */
export interface Statement {
  /** Without comments. */
  readonly tokens: readonly Token[]
  readonly comments: readonly Token[]
  /** Of its first token, from 1. */
  readonly line: number
  readonly start: number
  readonly end: number
  readonly constants: readonly Constant[]
  /** Its text, but for the constants: rules of one shape differ in nothing else. */
  readonly shape: string
}

/** Words that continue a rule although they are at the start of a line. */
const CONTINUES = new Set(['as', 'contains', 'else', 'every', 'if', 'in', 'not', 'some', 'with'])
const DEPTH: Readonly<Record<string, number>> = {
  '(': 1,
  '[': 1,
  '{': 1,
  ')': -1,
  ']': -1,
  '}': -1,
}

/**
 * The statements of a source: each begins at the first column of a line with a word that cannot
 * continue another one. Whether they are rules, OPA is asked.
 * @throws {NotReadable}
 */
export function statementsOf(source: string, tokens: readonly Token[]): Statement[] {
  const groups: Token[][] = []
  let comments: Token[] = []
  let depth = 0
  for (const token of tokens) {
    const last = groups.at(-1)
    if (token.kind === 'comment') {
      comments.push(token)
      continue
    }
    const first = token.start === 0 || source[token.start - 1] === '\n'
    const begins = depth === 0 && first && token.kind === 'word' && !CONTINUES.has(token.text)
    if (begins) groups.push([...comments, token])
    else if (last === undefined) throw new NotReadable('it begins with no statement')
    else last.push(...comments, token)
    comments = []
    depth += token.kind === 'symbol' ? (DEPTH[token.text] ?? 0) : 0
    if (depth < 0) throw new NotReadable('its brackets do not match')
  }
  const lines = lineCounter(source)
  return groups.map((group) => statementOf(group, lines))
}

function statementOf(group: readonly Token[], lineAt: (offset: number) => number): Statement {
  const tokens: Token[] = []
  let brokenLine = false
  for (const token of group) {
    if (token.kind === 'comment') brokenLine = true
    else {
      tokens.push(brokenLine ? { ...token, before: '\n' } : token)
      brokenLine = false
    }
  }
  const constants: Constant[] = []
  let shape = ''
  for (const token of tokens) {
    const constant = constantOf(token)
    if (constant !== undefined) constants.push(constant)
    const text = constant === undefined ? token.text : `\0${typeof constant}`
    shape += shape === '' ? text : token.before + text
  }
  const start = tokens[0]?.start ?? 0
  const last = tokens.at(-1)
  return {
    tokens,
    comments: group.filter(({ kind }) => kind === 'comment'),
    line: lineAt(start),
    start,
    end: last === undefined ? start : last.start + last.text.length,
    constants,
    shape,
  }
}

/** Tells the line of offsets that only go up. */
function lineCounter(source: string): (offset: number) => number {
  let line = 1
  let counted = 0
  return (offset) => {
    for (; counted < offset; counted++) if (source[counted] === '\n') line++
    return line
  }
}

/** Rego again of tokens, each constant as given. */
export function textOf(
  tokens: readonly Token[],
  constant: (index: number) => string,
  firstIndex = 0,
): string {
  let index = firstIndex
  let text = ''
  for (const token of tokens) {
    const own = constantOf(token) === undefined ? token.text : constant(index++)
    text += text === '' ? own : token.before + own
  }
  return text
}

/** Whether a token opens (1) or closes (-1) brackets. */
export function depthOf({ kind, text }: Token): number {
  return kind === 'symbol' ? (DEPTH[text] ?? 0) : 0
}
