/** The length in bytes of a sequence of UTF-8 by its first byte, and what its second may be. */
function sequence(lead: number): readonly [length: number, least: number, most: number] {
  if (lead >= 0xc2 && lead <= 0xdf) return [2, 0x80, 0xbf]
  if (lead >= 0xe0 && lead <= 0xef)
    return [3, lead === 0xe0 ? 0xa0 : 0x80, lead === 0xed ? 0x9f : 0xbf]
  if (lead >= 0xf0 && lead <= 0xf4)
    return [4, lead === 0xf0 ? 0x90 : 0x80, lead === 0xf4 ? 0x8f : 0xbf]
  return [1, 0, 0]
}

/** Bytes as a text; each byte that is no UTF-8 becomes U+FFFD, as in what Go writes as JSON. */
export function decoded(bytes: Uint8Array): string {
  const valid = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const text = valid.toString('utf8')
  if (!text.includes('\ufffd')) return text
  let out = ''
  let start = 0
  for (let at = 0; at < bytes.length; ) {
    const length = sequenceLength(bytes, at)
    if (length === 0) {
      out += `${valid.toString('utf8', start, at)}\ufffd`
      start = at + 1
    }
    at += Math.max(length, 1)
  }
  return out + valid.toString('utf8', start)
}

/** How many bytes the character at a place has; 0 where there is none. */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const lead = bytes[at] ?? 0
  if (lead < 0x80) return 1
  const [length, least, most] = sequence(lead)
  const second = bytes[at + 1] ?? 0
  if (length === 1 || second < least || second > most) return 0
  for (let next = at + 2; next < at + length; next++) {
    if (((bytes[next] ?? 0) & 0xc0) !== 0x80) return 0
  }
  return length
}
