import { CONNECTION_HEADERS } from './result/connection-headers.ts'
import type { HeaderChange } from './result/policy-result.ts'
import { joinValues } from './result/settle-headers.ts'

/** A policy's headers by their names in lower case, without those that no policy may set. */
export function groupHeaders(
  changes: readonly HeaderChange[],
): ReadonlyMap<string, readonly string[]> {
  const headers = new Map<string, string[]>()
  for (const [name, value] of changes) {
    const key = name.toLowerCase()
    // A pseudo-header has a meaning for Envoy's gRPC only.
    if (key.startsWith(':') || CONNECTION_HEADERS.has(key)) continue
    const held = headers.get(key)
    if (held === undefined) headers.set(key, [value])
    else held.push(value)
  }
  return headers
}

/** As `groupHeaders`, with several values as one, for readers that know one value of each name. */
export function joinedHeaders(changes: readonly HeaderChange[]): Readonly<Record<string, string>> {
  const joined: [string, string][] = []
  for (const [name, values] of groupHeaders(changes)) joined.push([name, joinValues(name, values)])
  return Object.fromEntries(joined)
}
