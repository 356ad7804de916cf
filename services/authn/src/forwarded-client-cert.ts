/**
 * `x-forwarded-client-cert`, as Envoy writes it: one element per hop, separated by commas, the
 * nearest hop last; an element is `Key=value` pairs separated by semicolons; a value with `,`, `;`
 * or `=` is in double quotes, where `\"` stands for a double quote:
 *
 *     By=spiffe://a/x;Hash=4e6f;Subject="CN=web,O=\"Shop\"";URI=spiffe://a/ns/shop/sa/web,By=…
 *
 * See `x-forwarded-client-cert` in Envoy's documentation of HTTP header manipulation.
 */
export type ForwardedClientCert = readonly ForwardedElement[]

/** The values of each key, in order; keys in lower case. */
export type ForwardedElement = ReadonlyMap<string, readonly string[]>

/** A longer header is not read: certificates and chains of several hops stay below. */
export const FORWARDED_CHARS_MAX = 64 * 1024

const KEY = /^[A-Za-z]{1,32}$/

/** The elements of the header; `undefined` where it is malformed. */
export function parseForwardedClientCert(header: string): ForwardedClientCert | undefined {
  if (header.length > FORWARDED_CHARS_MAX) return undefined
  const elements: Map<string, string[]>[] = []
  let element = new Map<string, string[]>()
  let at = 0
  for (;;) {
    const equals = header.indexOf('=', at)
    const key = equals < 0 ? '' : header.slice(at, equals).trim().toLowerCase()
    const value = KEY.test(key) ? readValue(header, equals + 1) : undefined
    if (value === undefined) return undefined
    element.set(key, [...(element.get(key) ?? []), value.text])
    const separator = header[value.end]
    if (separator !== ';') elements.push(element)
    if (separator === undefined) return elements
    if (separator === ',') element = new Map()
    at = value.end + 1
  }
}

/** The value that begins at `start`, and the place of the `;`, `,` or end that follows it. */
function readValue(header: string, start: number): { text: string; end: number } | undefined {
  if (header[start] !== '"') {
    let end = start
    while (end < header.length && header[end] !== ';' && header[end] !== ',') end++
    const text = header.slice(start, end)
    return text.includes('"') ? undefined : { text: text.trim(), end }
  }
  let text = ''
  for (let at = start + 1; at < header.length; at++) {
    const char = header[at]
    if (char === '"') return endOfQuoted(header, at + 1, text)
    if (char === '\\') at++
    text += header[at] ?? ''
  }
  return undefined
}

function endOfQuoted(
  header: string,
  end: number,
  text: string,
): { text: string; end: number } | undefined {
  const next = header[end]
  return next === undefined || next === ';' || next === ',' ? { text, end } : undefined
}
