/** The escapes of one letter that Go's string literals have. */
const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['\u0007', '\\a'],
  ['\b', '\\b'],
  ['\f', '\\f'],
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
  ['\v', '\\v'],
  ['\\', '\\\\'],
])

/** What Go prints as it is: letters, marks, numbers, punctuation, symbols and the ASCII space. */
const PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u

export function isPrintable(character: string): boolean {
  return PRINTABLE.test(character)
}

/** A text as a literal of Go. `asciiOnly` escapes whatever is not ASCII. */
export function quoted(text: string, quote: '"' | "'" = '"', asciiOnly = false): string {
  let out = ''
  for (const character of text) {
    if (character === quote) out += `\\${quote}`
    else out += ESCAPES.get(character) ?? plainOrHex(character, asciiOnly)
  }
  return `${quote}${out}${quote}`
}

function plainOrHex(character: string, asciiOnly: boolean): string {
  const code = character.codePointAt(0) ?? 0
  if (code < 0x80 ? isPrintable(character) : !asciiOnly && isPrintable(character)) return character
  if (code < 0x20 || code === 0x7f) return `\\x${hex(code, 2)}`
  return code < 0x10000 ? `\\u${hex(code, 4)}` : `\\U${hex(code, 8)}`
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, '0')
}
