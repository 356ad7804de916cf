import type { HttpResponse } from './exchange.ts'
import { firstOf } from './headers.ts'
import type { HttpRequest } from './request.ts'
import { targetOf, urlOf } from './target.ts'

/** They are asked again as they were; after others with GET, unless it was HEAD. */
const KEEPING: ReadonlySet<number> = new Set([307, 308])
const CHANGING: ReadonlySet<number> = new Set([301, 302, 303])
/** For the first host alone, and those below it. */
const SECRET: ReadonlySet<string> = new Set([
  ...['authorization', 'cookie', 'cookie2', 'proxy-authorization'],
  ...['proxy-authenticate', 'www-authenticate'],
])
const OF_BODY: ReadonlySet<string> = new Set([
  ...['content-encoding', 'content-language', 'content-location', 'content-type'],
])

/** The request that a response leads to, as Go has it; nothing where it leads nowhere. */
export function redirected(
  request: HttpRequest,
  { statusCode, headers: told }: HttpResponse,
): HttpRequest | undefined {
  const location = firstOf(told, 'location')
  const isKept = KEEPING.has(statusCode)
  if (location === '' || !(isKept || CHANGING.has(statusCode))) return undefined
  const target = targetOf(resolved(location, urlOf(request.target)))
  const isTold = isBelow(target.hostname, request.target.hostname)
  const { host, referer: _, ...same } = request
  const isSameHost = host !== undefined && !/^[a-z][a-z0-9+.-]*:/i.test(location)
  const headers = request.headers.filter(([name]) => isTold || !SECRET.has(name.toLowerCase()))
  const isSecret = request.target.isSecure && !target.isSecure
  const next: HttpRequest = {
    ...same,
    target,
    headers,
    ...(isSecret ? undefined : { referer: urlOf(request.target) }),
    ...(isSameHost ? { host } : undefined),
  }
  if (isKept || ['GET', 'HEAD'].includes(request.method)) return next
  return {
    ...next,
    method: 'GET',
    body: Buffer.alloc(0),
    headers: next.headers.filter(([name]) => !OF_BODY.has(name.toLowerCase())),
  }
}

function resolved(location: string, base: string): string {
  return URL.canParse(location, base) ? new URL(location, base).href : location
}

function isBelow(hostname: string, of: string): boolean {
  const [name, parent] = [hostname.toLowerCase(), of.toLowerCase()]
  return name === parent || name.endsWith(`.${parent}`)
}
