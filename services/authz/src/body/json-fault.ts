/** What is wrong with a text, in the words of Go's `encoding/json`. */
class JsonFault extends SyntaxError {}

/**
 * Says why a text is no JSON, as opa-envoy-plugin says it: only where the plugin would stop, and
 * only for texts that `JSON.parse` has refused.
 */
export function explainJson(text: string): string {
  const scanner = new Scanner(text)
  try {
    if (scanner.peek() === undefined) return 'EOF'
    scanner.value()
    return scanner.rest()
  } catch (thrown) {
    if (thrown instanceof JsonFault) return thrown.message
    throw thrown
  }
}

const DIGIT = /^[0-9]$/
const HEX = /^[0-9a-fA-F]$/
const ESCAPE = /^["\\/bfnrt]$/
const LITERALS: Readonly<Record<string, string>> = { t: 'true', f: 'false', n: 'null' }

/** Reads one value and keeps none of it. The nesting is bounded before. */
class Scanner {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  /** The next character that is no space, or undefined at the end. */
  peek(): string | undefined {
    while (/^[ \t\r\n]$/.test(this.#text[this.#at] ?? '')) this.#at++
    return this.#text[this.#at]
  }

  value(): void {
    const char = this.peek()
    if (char === '{') this.#object()
    else if (char === '[') this.#array()
    else if (char === '"') this.#string()
    else if (char === '-' || DIGIT.test(char ?? '')) this.#number()
    else if (char !== undefined && LITERALS[char] !== undefined) this.#literal(LITERALS[char])
    else this.#fail('looking for beginning of value')
  }

  /**
   * What stands behind the first value, which OPA reads as one more. It takes no offence at a
   * `null` there, nor at what follows it; here that is no JSON either.
   */
  rest(): string {
    const char = this.peek()
    const start = this.#at
    if (char === undefined) return 'unexpected EOF'
    if (char === '{' || char === '[') return afterValue(char)
    this.value()
    const token = this.#text.slice(start, this.#at)
    if (char === '"') return afterValue(String(JSON.parse(token)))
    return afterValue(char === 't' || char === 'f' ? `%!s(bool=${token})` : token)
  }

  #object(): void {
    this.#at++
    if (this.peek() === '}') {
      this.#at++
      return
    }
    for (;;) {
      if (this.peek() !== '"') this.#fail('looking for beginning of object key string')
      this.#string()
      if (this.peek() !== ':') this.#fail('after object key')
      this.#at++
      this.value()
      if (this.#closes('}', 'after object key:value pair')) return
    }
  }

  #array(): void {
    this.#at++
    if (this.peek() === ']') {
      this.#at++
      return
    }
    do this.value()
    while (!this.#closes(']', 'after array element'))
  }

  /** Whether a list ends here; else a comma says that it goes on. */
  #closes(bracket: string, where: string): boolean {
    const char = this.peek()
    if (char !== bracket && char !== ',') this.#fail(where)
    this.#at++
    return char === bracket
  }

  #string(): void {
    for (this.#at++; this.#text[this.#at] !== '"'; this.#at++) {
      const char = this.#text[this.#at]
      if (char === '\\') this.#escape()
      else if (char === undefined || char < ' ') this.#fail('in string literal')
    }
    this.#at++
  }

  #escape(): void {
    this.#at++
    const char = this.#text[this.#at] ?? ''
    if (ESCAPE.test(char)) return
    if (char !== 'u') this.#fail('in string escape code')
    for (let digit = 0; digit < 4; digit++) {
      this.#at++
      if (!HEX.test(this.#text[this.#at] ?? '')) this.#fail('in \\u hexadecimal character escape')
    }
  }

  #number(): void {
    if (this.#text[this.#at] === '-') this.#at++
    if (this.#text[this.#at] === '0') this.#at++
    else this.#digits('in numeric literal')
    if (this.#text[this.#at] === '.') {
      this.#at++
      this.#digits('after decimal point in numeric literal')
    }
    if (/^[eE]$/.test(this.#text[this.#at] ?? '')) {
      this.#at++
      if (/^[+-]$/.test(this.#text[this.#at] ?? '')) this.#at++
      this.#digits('in exponent of numeric literal')
    }
  }

  #digits(where: string): void {
    if (!DIGIT.test(this.#text[this.#at] ?? '')) this.#fail(where)
    while (DIGIT.test(this.#text[this.#at] ?? '')) this.#at++
  }

  #literal(word: string): void {
    for (const char of word) {
      if (this.#text[this.#at] !== char) this.#fail(`in literal ${word} (expecting '${char}')`)
      this.#at++
    }
  }

  #fail(where: string): never {
    const code = this.#text.codePointAt(this.#at)
    if (code === undefined) throw new JsonFault('unexpected EOF')
    throw new JsonFault(`invalid character ${quote(String.fromCodePoint(code))} ${where}`)
  }
}

function afterValue(token: string): string {
  return `error: invalid character '${token}' after top-level value`
}

/** Go quotes the first byte of a character, as if it were one of Latin-1. */
function quote(char: string): string {
  if (char === "'") return "'\\''"
  if (char === '"') return "'\"'"
  if (char === '\\') return "'\\\\'"
  const byte = Buffer.from(char)[0] ?? 0
  const text = String.fromCharCode(byte)
  if (byte >= 0x20 && byte !== 0x7f && (byte < 0x80 || byte >= 0xa1)) return `'${text}'`
  const named = { '\t': '\\t', '\n': '\\n', '\r': '\\r', '\b': '\\b', '\f': '\\f', '\v': '\\v' }
  const code = byte.toString(16).padStart(2, '0')
  return `'${named[text as keyof typeof named] ?? (byte < 0x80 ? `\\x${code}` : `\\u00${code}`)}'`
}
