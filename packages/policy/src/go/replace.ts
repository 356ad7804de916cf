import { decoded } from './utf8.ts'

/**
 * Replaces parts of a text as Go's `strings.NewReplacer` does: from the left, at each place the
 * first part that is there. An empty part is found between bytes, also within a character.
 */
export function replaceAll(
  text: string,
  pairs: readonly (readonly [part: string, made: string])[],
  spend: (units: number) => void,
): string {
  spend(text.length * pairs.length)
  const bytes = bytesOf(text)
  const parts = pairs.map(([part, made]) => ({ part: bytesOf(part), made: bytesOf(made) }))
  let out = ''
  let last = 0
  let isBehindEmpty = false
  for (let at = 0; at <= bytes.length; ) {
    const found = parts.find(
      ({ part }) => bytes.startsWith(part, at) && !(isBehindEmpty && part === ''),
    )
    isBehindEmpty = found?.part === ''
    if (found === undefined) {
      at++
      continue
    }
    spend(found.made.length + 1)
    out += bytes.slice(last, at) + found.made
    at += found.part.length
    last = at
  }
  return decoded(Buffer.from(out + bytes.slice(last), 'latin1'))
}

/** A text with one character for each byte of its UTF-8. */
function bytesOf(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1')
}
