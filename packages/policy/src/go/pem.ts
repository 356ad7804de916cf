import { base64Bytes } from './base64.ts'

export interface PemBlock {
  readonly type: string
  readonly bytes: Buffer
  /** What follows the block. */
  readonly rest: string
}

const BEGIN = '-----BEGIN '
const END = '-----END '
const DASHES = '-----'
/** Where so many blocks that begin are none, what follows is not looked at: each costs its rest. */
const BEGINS_MAX = 100

/** The first block of PEM as Go finds it, past what is none; nothing where there is no block. */
export function pemBlock(text: string): PemBlock | undefined {
  let rest = text
  for (let tried = 0; tried < BEGINS_MAX; tried++) {
    const start = rest.startsWith(BEGIN) ? 0 : rest.indexOf(`\n${BEGIN}`)
    if (start < 0) return undefined
    const [line, next] = lineOf(rest.slice(start + BEGIN.length + (rest.startsWith(BEGIN) ? 0 : 1)))
    rest = next
    if (!line.endsWith(DASHES)) continue
    const type = line.slice(0, -DASHES.length)
    let hasHeaders = false
    for (;;) {
      if (rest === '') return undefined
      const [header, following] = lineOf(rest)
      if (!header.includes(':')) break
      hasHeaders = true
      rest = following
    }
    const block = bodyOf(type, rest, hasHeaders)
    if (block !== undefined) return block
  }
  return undefined
}

function bodyOf(type: string, text: string, hasHeaders: boolean): PemBlock | undefined {
  const isEmpty = !hasHeaders && text.startsWith(END)
  const end = isEmpty ? 0 : text.indexOf(`\n${END}`)
  if (end < 0) return undefined
  const trailer = text.slice(end + END.length + (isEmpty ? 0 : 1))
  const last = `${type}${DASHES}`
  if (!trailer.startsWith(last)) return undefined
  const [after, rest] = lineOf(trailer.slice(last.length))
  if (after !== '') return undefined
  const bytes = base64Bytes(text.slice(0, end).replaceAll(/[ \t]/g, ''), 'standard')
  return bytes === undefined ? undefined : { type, bytes, rest }
}

function lineOf(text: string): readonly [line: string, rest: string] {
  const end = text.indexOf('\n')
  const line = end < 0 ? text : text.slice(0, end).replace(/\r$/, '')
  return [line.replace(/[ \t]+$/, ''), end < 0 ? '' : text.slice(end + 1)]
}
