import type { HttpResponse } from './exchange.ts'
import { firstOf, type ResponseHeaders } from './headers.ts'
import type { Caching } from './question.ts'

/** RFC 7231, section 6.1, as OPA has it: answers of another status are not kept. */
const CACHEABLE: ReadonlySet<number> = new Set([
  ...[200, 203, 204, 206, 300, 301, 404, 405, 410, 414, 501],
])
const SECONDS_MAX = 2 ** 31 - 1
const MS_PER_S = 1_000

/** Until when an answer is fresh; nothing where it may not be kept at all. */
export function freshUntilMs(
  { statusCode, headers }: HttpResponse,
  { forcedSeconds }: Caching,
  nowMs: number,
): number | undefined {
  if (!CACHEABLE.has(statusCode)) return undefined
  if (forcedSeconds !== undefined) return nowMs + forcedSeconds * MS_PER_S
  return directives(headers).has('no-store') ? undefined : expiryOf(headers)
}

/** Of what is kept without any, it has passed: it is asked for again, whether it has changed. */
function expiryOf(headers: ResponseHeaders): number | undefined {
  const maxAge = directives(headers).get('max-age')
  if (maxAge === undefined) return timeOf(firstOf(headers, 'expires')) ?? 0
  const date = timeOf(firstOf(headers, 'date'))
  if (!/^\d+$/.test(maxAge) || date === undefined) return undefined
  return date + Math.min(Number(maxAge), SECONDS_MAX) * MS_PER_S
}

function directives(headers: ResponseHeaders): ReadonlyMap<string, string> {
  const parts = firstOf(headers, 'cache-control').split(',')
  return new Map(
    parts.flatMap((part) => {
      const [name = '', value = '', ...more] = part.trim().split('=')
      return more.length === 0 ? [[name.trim(), value] as const] : []
    }),
  )
}

function timeOf(text: string): number | undefined {
  const ms = Date.parse(text)
  return Number.isNaN(ms) ? undefined : ms
}
