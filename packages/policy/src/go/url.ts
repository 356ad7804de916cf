import { parseAddress } from './ip.ts'
import { decoded } from './utf8.ts'

/** What Go's `net/url` makes of a text. */
export interface GoUrl {
  readonly scheme: string
  /** With its port. */
  readonly host: string
  readonly hostname: string
  readonly port: string
  /** Without its escapes. */
  readonly path: string
  /** As it was written, where writing the path again gives something else. */
  readonly rawPath: string
  readonly rawQuery: string
  readonly fragment: string
}

const BAD_ESCAPE = /%(?![0-9a-f]{2})/i
const EMPTY: GoUrl = {
  scheme: '',
  host: '',
  hostname: '',
  port: '',
  path: '',
  rawPath: '',
  rawQuery: '',
  fragment: '',
}
/** What a host may hold as it is, besides all that is not ASCII. */
const HOST = /^[A-Za-z0-9\-_.~!$&'()*+,;=:[\]<>"\u0080-\u{10ffff}]*$/u
/** Of what is ASCII, only the sign of escapes may be escaped in a host. */
const BAD_HOST_ESCAPE = /%(?!25|[89a-f][0-9a-f])/i
const USER = /^[A-Za-z0-9\-._:~!$&'()*+,;=%@]*$/
/** What Go does not escape in a path. */
const PATH = /[^$&+,\-./0-9:;=@A-Z_a-z~]/

/** Nothing where Go refuses the text. */
export function parseUrl(text: string): GoUrl | undefined {
  const [before, hash = ''] = cut(text, '#')
  if (BAD_ESCAPE.test(hash) || before.startsWith(':')) return undefined
  if (/\p{Cc}/u.test(before.replaceAll(/[\u0080-\u009f]/g, ''))) return undefined
  const fragment = unescaped(hash)
  if (before === '*') return { ...EMPTY, path: '*', fragment }
  const prefix = /^[a-z][a-z0-9+.-]*:/i.exec(before)?.[0] ?? ''
  const [rest, rawQuery = ''] = cut(before.slice(prefix.length), '?')
  const url = { ...EMPTY, scheme: prefix.slice(0, -1).toLowerCase(), rawQuery, fragment }
  if (!rest.startsWith('/')) {
    if (prefix !== '') return url
    if ((rest.split('/')[0] ?? '').includes(':')) return undefined
  }
  const hasHost = rest.startsWith('//') && (prefix !== '' || !rest.startsWith('///'))
  const [, authority = '', path = ''] = hasHost
    ? (/^\/\/([^/]*)(.*)$/s.exec(rest) ?? [])
    : ['', '', rest]
  const host = hostOf(authority, url.scheme)
  if (host === undefined || BAD_ESCAPE.test(path)) return undefined
  const plain = unescaped(path)
  return { ...url, ...host, path: plain, rawPath: path === escapedPath(plain) ? '' : path }
}

type Host = Pick<GoUrl, 'host' | 'hostname' | 'port'>

function hostOf(authority: string, scheme: string): Host | undefined {
  const at = authority.lastIndexOf('@')
  const user = authority.slice(0, Math.max(at, 0))
  if (!USER.test(user) || BAD_ESCAPE.test(user)) return undefined
  const text = authority.slice(at + 1)
  const bracket = text.lastIndexOf('[')
  if (bracket > 0) return undefined
  if (bracket === 0) return literalHost(text)
  const isWeb = scheme === 'http' || scheme === 'https'
  const colon = isWeb ? text.indexOf(':') : text.lastIndexOf(':')
  if (colon >= 0 && !/^:\d*$/.test(text.slice(colon))) return undefined
  if (BAD_HOST_ESCAPE.test(text) || !HOST.test(text.replaceAll(/%[0-9a-f]{2}/gi, '')))
    return undefined
  const host = unescaped(text)
  const port = /:(\d*)$/.exec(host)
  return { host, hostname: port === null ? host : host.slice(0, port.index), port: port?.[1] ?? '' }
}

/** An address of IPv6 in brackets, which may name a zone. */
function literalHost(text: string): Host | undefined {
  const close = text.lastIndexOf(']')
  const [, port] = /^(?::(\d*))?$/.exec(text.slice(close + 1)) ?? ['', undefined]
  if (close < 0 || !/^(?::\d*)?$/.test(text.slice(close + 1))) return undefined
  const inner = text.slice(1, close)
  if (BAD_ESCAPE.test(inner)) return undefined
  const hostname = unescaped(inner)
  const [address = '', zone] = cut(hostname, '%')
  const parsed = parseAddress(address)
  if (parsed === undefined || parsed.bits === 32 || zone === '') return undefined
  return { host: `[${hostname}]${text.slice(close + 1)}`, hostname, port: port ?? '' }
}

function cut(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator)
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)]
}

function unescaped(text: string): string {
  if (!text.includes('%')) return text
  const parts = text.split(/(%[0-9a-f]{2})/i)
  return decoded(
    Buffer.concat(
      parts.map((part, at) =>
        at % 2 === 1 ? Buffer.from(part.slice(1), 'hex') : Buffer.from(part),
      ),
    ),
  )
}

/** A path as Go writes it. */
export function escapedPath(path: string): string {
  if (!PATH.test(path)) return path
  return [...Buffer.from(path)]
    .map((byte) => {
      const character = String.fromCharCode(byte)
      if (byte < 0x80 && !PATH.test(character)) return character
      return `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
    })
    .join('')
}
