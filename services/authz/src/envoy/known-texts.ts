/** Longer texts are not looked up. */
export const KNOWN_TEXT_BYTES_MAX = 24
/** How many texts are known; a new one takes the place of one with the same hash. */
const KNOWN_TEXTS_MAX = 2048

/**
 * Short texts by their bytes: names and values of headers come again and again, and to compare
 * bytes with a text that is there costs less than to make it anew.
 */
export class KnownTexts {
  readonly #texts = new Array<string | undefined>(KNOWN_TEXTS_MAX)
  #place = 0

  /** The text of these bytes, where it is known. */
  find(bytes: Uint8Array, start: number, end: number): string | undefined {
    let hash = end - start
    for (let at = start; at < end; at++) hash = (Math.imul(hash, 31) + (bytes[at] ?? 0)) | 0
    this.#place = (hash ^ (hash >>> 11)) & (KNOWN_TEXTS_MAX - 1)
    const known = this.#texts[this.#place]
    return known !== undefined && isTextOf(known, bytes, start, end) ? known : undefined
  }

  /** Keeps the text of the bytes that were looked for last. */
  keep(text: string): string {
    this.#texts[this.#place] = text
    return text
  }
}

/** Only a text of ASCII has as many characters as bytes, and the same ones. */
function isTextOf(text: string, bytes: Uint8Array, start: number, end: number): boolean {
  if (text.length !== end - start) return false
  for (let at = 0; at < text.length; at++) {
    if (text.charCodeAt(at) !== bytes[start + at]) return false
  }
  return true
}
