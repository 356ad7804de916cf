/** Wider values are cut on a terminal. */
const VALUE_CHARS_MAX = 72

export function cut(text: string): string {
  if (text.length <= VALUE_CHARS_MAX) return text
  return `${text.slice(0, VALUE_CHARS_MAX - 1).toWellFormed()}…`
}
