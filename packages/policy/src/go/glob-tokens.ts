import { BuiltinError } from '../builtins/builtin.ts'

/** One element of a glob: the ranges of characters it takes, and how often. */
export interface Token {
  /** `undefined` for any character at all. */
  readonly ranges: readonly Range[] | undefined
  readonly kind: 'character' | 'dot' | 'set'
  flag: '' | '+' | '*'
}

export type Range = readonly [first: number, last: number]

/** @throws {BuiltinError} */
export function tokensOf(glob: string): Token[] {
  const reader = new Reader(glob)
  const tokens: Token[] = []
  while (!reader.isDone) tokens.push(reader.token())
  return tokens
}

class Reader {
  readonly #characters: readonly string[]
  #at = 0

  constructor(glob: string) {
    this.#characters = [...glob]
  }

  get isDone(): boolean {
    return this.#at >= this.#characters.length
  }

  token(): Token {
    const { character, isEscaped } = this.#next()
    if (!isEscaped && /[\]+*]/.test(character)) throw invalid()
    const token = isEscaped ? literal(character) : this.#tokenOf(character)
    if (this.isDone) return token
    const before = this.#at
    const flag = this.#next()
    if (!flag.isEscaped && (flag.character === '+' || flag.character === '*'))
      token.flag = flag.character
    else this.#at = before
    return token
  }

  #tokenOf(character: string): Token {
    if (character === '.') return { kind: 'dot', ranges: undefined, flag: '' }
    return character === '[' ? this.#set() : literal(character)
  }

  #set(): Token {
    const ranges: Range[] = []
    let before: number | undefined
    for (;;) {
      if (this.isDone) throw invalid()
      const { character, isEscaped } = this.#next()
      if (!isEscaped && character === ']') return { kind: 'set', ranges: joined(ranges), flag: '' }
      const code = codeOf(character)
      if (isEscaped || character !== '-') {
        ranges.push([code, code])
        before = code
        continue
      }
      if (before === undefined || this.#at >= this.#characters.length - 1) throw invalid()
      const last = this.#next()
      if (!last.isEscaped && /[\]-]/.test(last.character)) throw invalid()
      if (codeOf(last.character) < before) throw invalid()
      ranges.push([before, codeOf(last.character)])
      before = undefined
    }
  }

  #next(): { character: string; isEscaped: boolean } {
    const isEscaped = this.#characters[this.#at] === '\\'
    if (isEscaped) this.#at++
    const character = this.#characters[this.#at++]
    if (character === undefined) throw invalid()
    return { character, isEscaped }
  }
}

function literal(character: string): Token {
  const code = codeOf(character)
  return { kind: 'character', ranges: [[code, code]], flag: '' }
}

function codeOf(character: string): number {
  return character.codePointAt(0) ?? 0
}

function invalid(): BuiltinError {
  return new BuiltinError('the glob is malformed')
}

/** The same characters in one form: sorted, and touching ranges made one. */
function joined(ranges: readonly Range[]): Range[] {
  const out: Range[] = []
  for (const [first, last] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const before = out.at(-1)
    if (before === undefined || first > before[1] + 1) out.push([first, last])
    else out[out.length - 1] = [before[0], Math.max(before[1], last)]
  }
  return out
}
