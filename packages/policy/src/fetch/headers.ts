/** The headers of a response as Go has them: by name in lower case, in the order they came. */
export type ResponseHeaders = ReadonlyMap<string, readonly string[]>

/** Of how the body came, which is over; Go keeps neither. */
const TRANSFER = ['transfer-encoding', 'trailer']
const CLOSE = /(?:^|,)\s*close\s*(?:,|$)/i

/** From the names and values that Node gives one after the other. */
export function responseHeaders(raw: readonly string[]): Map<string, string[]> {
  const headers = new Map<string, string[]>()
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = (raw[at] ?? '').toLowerCase()
    // A header is bytes: Node reads them as Latin-1, Go as UTF-8.
    const value = Buffer.from(raw[at + 1] ?? '', 'latin1').toString('utf8')
    const values = headers.get(name)
    if (values === undefined) headers.set(name, [value])
    else values.push(value)
  }
  for (const name of TRANSFER) headers.delete(name)
  if (CLOSE.test(headers.get('connection')?.join() ?? '')) headers.delete('connection')
  if (headers.get('pragma')?.[0] === 'no-cache' && !headers.has('cache-control')) {
    headers.set('cache-control', ['no-cache'])
  }
  return headers
}

export function firstOf(headers: ResponseHeaders, name: string): string {
  return headers.get(name)?.[0] ?? ''
}
