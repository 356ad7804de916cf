import { BuiltinError } from '../builtins/builtin.ts'

/** Any character at all, line ends included. */
const ANY = '[\\x{0}-\\x{10ffff}]'

/**
 * The pattern of RE2 that matches what a glob matches, in whole, by the syntax of
 * `gobwas/glob`: `*` and `?` take no separator, `**` does, and there are classes such as `[!a-c]`
 * and alternatives such as `{a,b*}`.
 * @throws {BuiltinError} where it is no glob
 */
export function globPattern(glob: string, separators: readonly string[]): string {
  const reader = new Reader(glob, separators)
  const pattern = reader.sequence(0)
  return `^(?:${pattern})$`
}

class Reader {
  readonly #characters: readonly string[]
  readonly #single: string
  #at = 0

  constructor(glob: string, separators: readonly string[]) {
    this.#characters = [...glob]
    this.#single = separators.length === 0 ? ANY : `[^${separators.map(escaped).join('')}]`
  }

  /** What comes before the end, or within braces before the `,` or `}` that is not taken. */
  sequence(depth: number): string {
    let pattern = ''
    for (let next = this.#peek(); next !== undefined; next = this.#peek()) {
      if (depth > 0 && (next === ',' || next === '}')) return pattern
      this.#at++
      pattern += this.#term(next, depth)
    }
    if (depth > 0) throw new BuiltinError('the glob has a brace that is not closed')
    return pattern
  }

  #term(character: string, depth: number): string {
    switch (character) {
      case '*':
        return `${this.#took('*') ? ANY : this.#single}*`
      case '?':
        return this.#single
      case '[':
        return this.#class()
      case '{':
        return this.#alternatives(depth + 1)
      case '\\':
        return escaped(this.#take())
      default:
        return escaped(character)
    }
  }

  #alternatives(depth: number): string {
    const alternatives = [this.sequence(depth)]
    while (this.#took(',')) alternatives.push(this.sequence(depth))
    this.#at++
    return `(?:${alternatives.join('|')})`
  }

  /** Either a range, whose ends nothing escapes, or a list, in which `-` is a character. */
  #class(): string {
    const not = this.#took('!') ? '^' : ''
    const first = this.#take()
    if (this.#took('-')) {
      const last = this.#take()
      if (!this.#took(']') || codeOf(last) < codeOf(first)) throw malformedClass()
      return `[${not}${escaped(first)}-${escaped(last)}]`
    }
    this.#at--
    let listed = ''
    while (!this.#took(']')) {
      const character = this.#take()
      listed += escaped(character === '\\' ? this.#take() : character)
    }
    if (listed === '') throw malformedClass()
    return `[${not}${listed}]`
  }

  #peek(): string | undefined {
    return this.#characters[this.#at]
  }

  #took(character: string): boolean {
    if (this.#peek() !== character) return false
    this.#at++
    return true
  }

  #take(): string {
    const character = this.#characters[this.#at++]
    if (character === undefined) throw new BuiltinError('the glob ends too early')
    return character
  }
}

function escaped(character: string): string {
  return `\\x{${codeOf(character).toString(16)}}`
}

function codeOf(character: string): number {
  return character.codePointAt(0) ?? 0
}

function malformedClass(): BuiltinError {
  return new BuiltinError('the glob has a class that is none')
}
