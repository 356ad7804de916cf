import { depthOf, type Statement } from '../rule-index/statements.ts'
import { constantOf, type Token } from '../rule-index/tokens.ts'
import { HELD } from './held.ts'

/** Text that comes into a source at an offset. */
export interface Insertion {
  readonly at: number
  readonly text: string
}

type Tokens = readonly Token[]

/** The names that lead to a rule within its package; undefined where one is no constant. */
export function pathOfRule({ tokens }: Statement): readonly string[] | undefined {
  return referenceOf(tokens, 0)?.path
}

/** The path of the package that a file begins with. */
export function pathOfPackage({ tokens }: Statement): readonly string[] | undefined {
  return tokens[0]?.text === 'package' ? referenceOf(tokens, 1)?.path : undefined
}

/**
 * What makes a rule tell that it holds, once more for each `else` of it: its value goes through a
 * call, which comes when all conditions are fulfilled and the value is known.
 *
 *     allow if input.admin                    allow = verdict_held(7, true) if input.admin
 *     reasons contains "late" if too_late     reasons contains verdict_held(8, ("late")) if …
 *
 * Or why that is not done.
 */
export function tellingOf({ tokens }: Statement, number: number): readonly Insertion[] | string {
  if (tokens[0]?.text === 'default') return 'it is a default'
  const reference = referenceOf(tokens, 0)
  if (reference === undefined) return 'a key of its head is no constant'
  let at = tokens[reference.end]?.text === '(' ? closing(tokens, reference.end) : reference.end
  const insertions: Insertion[] = []
  for (;;) {
    const head = headAt(tokens, at)
    if (head === undefined) return 'its head is not understood'
    insertions.push(...head.insertions(number))
    const next = nextWord(tokens, head.end, 'else')
    if (next === undefined) return insertions
    at = next + 1
  }
}

/** `a.b["c"]` at a token, and where it ends; undefined where there is a variable in it. */
function referenceOf(
  tokens: Tokens,
  first: number,
): { readonly path: readonly string[]; readonly end: number } | undefined {
  const path = [tokens[first]?.text ?? '']
  let at = first + 1
  for (;;) {
    const [symbol, name, end] = tokens.slice(at, at + 3)
    if (symbol?.text === '.' && name?.kind === 'word') {
      path.push(name.text)
      at += 2
    } else if (symbol?.text === '[' && symbol.before === '') {
      if (name?.kind !== 'string' || end?.text !== ']') return undefined
      path.push(String(constantOf(name)))
      at += 3
    } else return { path, end: at }
  }
}

interface Head {
  /** The token behind it. */
  readonly end: number
  readonly insertions: (number: number) => readonly Insertion[]
}

/** What gives a rule its value: `:= value`, `contains value`, or `if`, which makes it true. */
function headAt(tokens: Tokens, at: number): Head | undefined {
  const token = tokens[at]
  const before = tokens[at - 1]
  if (token === undefined || before === undefined) return undefined
  if (token.text === 'if') {
    const text = (number: number) => ` = ${HELD}(${number}, true)`
    return { end: at, insertions: (number) => [{ at: endOf(before), text: text(number) }] }
  }
  if (token.text !== ':=' && token.text !== '=' && token.text !== 'contains') return undefined
  const [first, end] = [tokens[at + 1], nextWord(tokens, at + 1, 'if') ?? tokens.length]
  const last = tokens[end - 1]
  if (first === undefined || last === undefined || end === at + 1) return undefined
  return {
    end,
    insertions: (number) => [
      { at: first.start, text: `${HELD}(${number}, (` },
      { at: endOf(last), text: '))' },
    ],
  }
}

/** The next token that is this word, and stands in no brackets. */
function nextWord(tokens: Tokens, from: number, word: string): number | undefined {
  let depth = 0
  for (let at = from; at < tokens.length; at++) {
    const token = tokens[at] as Token
    depth += depthOf(token)
    const isWord = token.kind === 'word' && token.text === word && tokens[at - 1]?.text !== '.'
    if (depth === 0 && isWord) return at
  }
  return undefined
}

/** The token behind the bracket that closes this one. */
function closing(tokens: Tokens, open: number): number {
  let depth = 0
  for (let at = open; at < tokens.length; at++) {
    depth += depthOf(tokens[at] as Token)
    if (depth === 0) return at + 1
  }
  return tokens.length
}

function endOf({ start, text }: Token): number {
  return start + text.length
}
