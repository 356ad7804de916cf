import { parseControlLine } from '@verdict/contract'

const BRACE = 0x7b
const LINE_FEED = 0x0a
const NAME = Buffer.from('{"subjectKeys":')

/** The sealed keys of a message: they are in control lines before its first record. */
export function subjectKeysIn(data: Uint8Array): unknown[] {
  const keys: unknown[] = []
  for (let from = 0; data[from] === BRACE; ) {
    const end = data.indexOf(LINE_FEED, from)
    if (end < 0) return keys
    const line = Buffer.from(data.buffer, data.byteOffset + from, end - from)
    if (line.subarray(0, NAME.length).equals(NAME)) keys.push(...keysOf(line.toString('utf8')))
    from = end + 1
  }
  return keys
}

function keysOf(json: string): readonly unknown[] {
  try {
    const control = parseControlLine(json)
    return control.kind === 'subjectKeys' ? control.subjectKeys : []
  } catch {
    // Whoever records the message says that it is malformed.
    return []
  }
}
