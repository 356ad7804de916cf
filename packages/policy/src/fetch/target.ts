import { escapedPath, parseUrl } from '../go/url.ts'
import { FailureCode, FetchFailure } from './question.ts'

/** Names of other scripts are written with `xn--`, so that one text is one host. */
const HOSTNAME = /^(?:[a-z0-9_.-]+|[0-9a-f:.]*:[0-9a-f:.]*)$/i
/** A path that is sent as it was written; any other is escaped anew, by Go's rules. */
const WRITTEN_PATH = /^[A-Za-z0-9\-_.~!$&'()*+,;=:@[\]%/]*$/
const SCHEME_PORTS: ReadonlyMap<string, number> = new Map([
  ['http', 80],
  ['https', 443],
])

/** Where a request goes. */
export interface Target {
  readonly isSecure: boolean
  /** A name, or an address without brackets. */
  readonly hostname: string
  readonly port: number
  readonly schemePort: number
  /** The host as the request names it: with its port, where the URL has one. */
  readonly host: string
  /** With the query. */
  readonly path: string
  /** What the user and the password of the URL become. */
  readonly authorization?: string
}

/** Reads a URL as Go does. @throws {FetchFailure} */
export function targetOf(text: string): Target {
  const url = parseUrl(text)
  if (url === undefined) throw new FetchFailure(FailureCode.internal, 'the url cannot be read')
  const schemePort = SCHEME_PORTS.get(url.scheme)
  if (schemePort === undefined) throw unreachable(`unsupported protocol scheme "${url.scheme}"`)
  if (url.hostname === '') throw unreachable('no Host in request URL')
  if (!HOSTNAME.test(url.hostname)) throw unreachable(`no name of a host: ${url.hostname}`)
  const port = url.port === '' ? schemePort : Number(url.port)
  if (port > 65_535) throw unreachable(`invalid port ${url.port}`)
  const isWritten = url.rawPath !== '' && WRITTEN_PATH.test(url.rawPath)
  const path = isWritten ? url.rawPath : escapedPath(url.path)
  const query = url.rawQuery === '' ? '' : `?${url.rawQuery}`
  const user = userOf(text)
  return {
    isSecure: url.scheme === 'https',
    hostname: url.hostname,
    port,
    schemePort,
    host: url.host,
    path: `${path === '' ? '/' : path}${query}`,
    ...(user === undefined ? undefined : { authorization: `Basic ${user}` }),
  }
}

/** The target as the text of a URL, from which a redirect goes on. */
export function urlOf({ isSecure, host, path }: Target): string {
  return `${isSecure ? 'https' : 'http'}://${host}${path}`
}

function userOf(text: string): string | undefined {
  const [, user] = /^[a-z]+:\/\/([^/?#]*)@/i.exec(text) ?? []
  if (user === undefined) return undefined
  const [name = '', ...rest] = user.split(':')
  const plain = [name, rest.join(':')].map(decodeURIComponentOrSame).join(':')
  return Buffer.from(plain).toString('base64')
}

/** `parseUrl` has refused escapes that are none; bytes that are no UTF-8 stay as they are. */
function decodeURIComponentOrSame(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function unreachable(why: string): FetchFailure {
  return new FetchFailure(FailureCode.network, why)
}
