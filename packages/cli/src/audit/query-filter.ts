import { usage } from '../arguments.ts'
import type { OptionValues } from '../command.ts'

/** One option for each parameter of `GET /v1/decisions`, by the same name. */
export const filterOptions = {
  principal: { kind: 'text', value: 'NAME', help: 'who: this user or SPIFFE ID' },
  workload: { kind: 'text', value: 'SPIFFE-ID', help: 'who: this calling workload' },
  issuer: { kind: 'text', value: 'URL', help: 'who: with a token of this issuer' },
  method: { kind: 'text', value: 'METHOD', help: 'what: by this method' },
  path: { kind: 'text', value: 'PATH', help: 'what: this path, or all that begin so with PATH*' },
  from: { kind: 'text', value: 'TIME', help: 'when: since 2026-01-31T12:00:00Z, or for 1h, 7d' },
  to: { kind: 'text', value: 'TIME', help: 'when: before this time' },
  destination: { kind: 'text', value: 'NAME', help: 'where: this service, or namespace/service' },
  namespace: { kind: 'text', value: 'NAME', help: 'where: every service of this namespace' },
  source: { kind: 'text', value: 'ADDRESS', help: 'where: from this address' },
  protocol: { kind: 'text', value: 'NAME', help: 'how: by envoy-grpc, http or nats' },
  outcome: { kind: 'text', value: 'NAME', help: 'allow, deny, unauthenticated or error' },
  unenforced: { kind: 'flag', help: 'only denials of a dry run, whose callers were let through' },
  bundle: { kind: 'text', value: 'NAME', help: 'policy: decided by this bundle' },
  revision: { kind: 'text', value: 'REVISION', help: 'policy: decided by this revision' },
  entrypoint: { kind: 'text', value: 'A/B', help: 'policy: by asking this rule' },
  rule: { kind: 'text', value: 'LABEL', help: 'policy: a rule of this label held' },
  reason: { kind: 'text', value: 'REASON', help: 'why: with this reason' },
  trace: { kind: 'text', value: 'ID', help: 'of this trace' },
  request: { kind: 'text', value: 'ID', help: 'with this x-request-id' },
} as const
export type FilterValues = OptionValues<typeof filterOptions>

const { from: _from, to: _to, path: _path, ...streamOptions } = filterOptions

/** Those of a stream, which knows no time and no path. */
export const streamFilterOptions: typeof streamOptions = streamOptions

const UNITS_MS: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
}
const TIMES: ReadonlySet<string> = new Set(['from', 'to'])

/**
 * The parameters of the search. Times that are told from now are settled here, so that all pages
 * are of one search.
 * @throws {CliError} `usage`
 */
export function searchParameters(values: FilterValues, nowMs: number): URLSearchParams {
  const { unenforced, ...texts } = values
  const parameters = new URLSearchParams()
  for (const name of Object.keys(filterOptions)) {
    const text = texts[name as keyof typeof texts]
    if (text === undefined) continue
    parameters.set(name, TIMES.has(name) ? timeOf(name, text, nowMs) : text)
  }
  if (unenforced) parameters.set('enforced', 'false')
  return parameters
}

function timeOf(name: string, text: string, nowMs: number): string {
  const [, count, unit = ''] = /^(\d{1,6})([smhdw])$/.exec(text) ?? []
  if (count !== undefined) {
    return new Date(nowMs - Number(count) * (UNITS_MS[unit] ?? 0)).toISOString()
  }
  const isTime = /^\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d))?$/i.test(text)
  const ms = isTime ? Date.parse(text) : Number.NaN
  if (!Number.isNaN(ms)) return new Date(ms).toISOString()
  const expected = 'expected 1h, 7d (before now), 2026-01-31 or 2026-01-31T12:00:00Z'
  throw usage('audit query', `\`--${name} ${text}\`: ${expected}`)
}
