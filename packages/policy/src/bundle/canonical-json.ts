import { compare } from '../value/compare.ts'

const STRING = /"[^"\\]*(?:\\.[^"\\]*)*"/y
/** A number, `true`, `false` or `null`: up to what ends it. */
const ATOM = /[^\s,\]}]+/y
const BLANK = /\s*/y
const SPACE = 0x20
/** What Go escapes in a string although JSON does not ask for it. */
const SEPARATORS = /[\u2028\u2029]/g

/**
 * JSON as OPA hashes it: no blanks, keys in the order of their bytes, numbers by their digits,
 * strings as Go writes them. Of a key that is there twice, the last one counts.
 * @throws {SyntaxError} where the text is no JSON
 */
export function canonicalJson(text: string): string {
  // What follows can rely on it.
  JSON.parse(text)
  return new Reader(text).value()
}

class Reader {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  value(): string {
    switch (this.#peek()) {
      case '"':
        return stringOf(this.#take(STRING))
      case '[':
        return this.#array()
      case '{':
        return this.#object()
      default:
        return this.#take(ATOM)
    }
  }

  #array(): string {
    const items: string[] = []
    this.#at += 1
    while (this.#peek() !== ']') {
      items.push(this.value())
      if (this.#peek() === ',') this.#at += 1
    }
    this.#at += 1
    return `[${items.join(',')}]`
  }

  #object(): string {
    const members = new Map<string, string>()
    this.#at += 1
    while (this.#peek() !== '}') {
      const key = this.#take(STRING)
      this.#peek()
      this.#at += 1
      members.set(key.includes('\\') ? JSON.parse(key) : key.slice(1, -1), this.value())
      if (this.#peek() === ',') this.#at += 1
    }
    this.#at += 1
    const keys = [...members.keys()].sort(compare)
    const written = keys.map((key) => `${stringOf(JSON.stringify(key))}:${members.get(key)}`)
    return `{${written.join(',')}}`
  }

  /** The next character that is no blank. */
  #peek(): string | undefined {
    if (this.#text.charCodeAt(this.#at) <= SPACE) this.#take(BLANK)
    return this.#text[this.#at]
  }

  #take(pattern: RegExp): string {
    const begin = this.#at
    pattern.lastIndex = begin
    pattern.test(this.#text)
    this.#at = pattern.lastIndex
    return this.#text.slice(begin, this.#at)
  }
}

/** A string of JSON as Go writes it where it does not escape for HTML. */
function stringOf(json: string): string {
  // Most are written so already.
  const text = json.includes('\\') ? JSON.stringify(JSON.parse(json).toWellFormed()) : json
  return text.replace(SEPARATORS, (character) => `\\u${character.charCodeAt(0).toString(16)}`)
}
