import { type HttpAttributes, headerOf } from '../request.ts'
import type { HeaderChange, HeaderPair, PolicyResult } from './policy-result.ts'

/**
 * An allowance with the append actions of its request headers carried out on the request that was
 * decided: what is left is to overwrite. Envoy up to 1.40 reads no `append_action` of a request
 * header, and a gateway that asks over HTTP can only overwrite.
 */
export function settleHeaders(
  result: PolicyResult,
  http: HttpAttributes | undefined,
): PolicyResult {
  const { allowed, headers } = result
  if (!allowed || headers.every(([, , action]) => action === undefined)) return result
  return { ...result, headers: settle(headers, http) }
}

function settle(changes: readonly HeaderChange[], http: HttpAttributes | undefined): HeaderPair[] {
  const settled: HeaderPair[] = []
  const appended = new Map<string, number>()
  for (const [name, value, action] of changes) {
    const key = name.toLowerCase()
    const held = headerOf(http, key)
    if (action === 'add_if_absent' && held !== undefined) continue
    if (action === 'overwrite_if_exists' && held === undefined) continue
    if (action !== 'append_if_exists_or_add') {
      settled.push([name, value])
      continue
    }
    const at = appended.get(key) ?? settled.length
    const before = settled[at]?.[1] ?? held ?? ''
    settled[at] = [name, before === '' ? value : joinValues(key, [before, value])]
    appended.set(key, at)
  }
  return settled
}

/** Several values of one header as one (RFC 9110, 5.3); cookies have their own separator. */
export function joinValues(name: string, values: readonly string[]): string {
  return values.length === 1 ? (values[0] ?? '') : values.join(name === 'cookie' ? '; ' : ', ')
}
