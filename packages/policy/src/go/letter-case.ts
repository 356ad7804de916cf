/** Letters that have had a case only since Unicode 16, which Go does not know yet. */
const NEWER =
  /[\u019b\u0264\u1c89\u1c8a\ua7cb-\ua7cf\ua7d2-\ua7d5\ua7da-\ua7dc\u{10d50}-\u{10d85}\u{16ea0}-\u{16ed3}]/u
/** Greek letters with an iota, whose one capital letter JavaScript writes as two. */
const WITH_IOTA = /[\u1f80-\u1f87\u1f90-\u1f97\u1fa0-\u1fa7]/
const IOTA_OFFSET = 8
const WITH_IOTA_ALONE = /[\u1fb3\u1fc3\u1ff3]/
const IOTA_ALONE_OFFSET = 9
const ASCII_LAST = 0x7f

/** Each letter by itself, as Go's `strings.ToLower` has it, without regard to words or languages. */
export function lowerCase(text: string): string {
  return changed(text, lowerLetter)
}

export function upperCase(text: string): string {
  return changed(text, upperLetter)
}

function changed(text: string, change: (letter: string) => string): string {
  let out = ''
  for (const letter of text) out += NEWER.test(letter) ? letter : change(letter)
  return out
}

function lowerLetter(letter: string): string {
  return letter === '\u0130' ? 'i' : letter.toLowerCase()
}

function upperLetter(letter: string): string {
  const code = letter.charCodeAt(0)
  if (code <= ASCII_LAST) return letter.toUpperCase()
  if (WITH_IOTA.test(letter)) return String.fromCharCode(code + IOTA_OFFSET)
  if (WITH_IOTA_ALONE.test(letter)) return String.fromCharCode(code + IOTA_ALONE_OFFSET)
  const upper = letter.toUpperCase()
  // One letter stays one letter: ß has no other.
  return [...upper].length === 1 ? upper : letter
}
