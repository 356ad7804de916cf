import type { Outcome } from '@verdict/contract'

/** Which decisions are meant; every part that is given has to match. */
export interface Filter {
  readonly principal?: string
  readonly outcome?: Outcome
  /** The whole path, or how it begins. */
  readonly path?: { readonly exact: string } | { readonly prefix: string }
  /** Without a namespace: the service in any of them. */
  readonly destination?: { readonly namespace?: string; readonly service: string }
  /** False: denials of a dry run, whose callers were let through. */
  readonly enforced?: boolean
  /** Times of decisions in ms: from this one on. */
  readonly fromMs?: number
  /** Times of decisions in ms: before this one. */
  readonly toMs?: number
}

/** A filter as SQL over the table `search`. */
export interface Conditions {
  readonly sql: string
  readonly values: readonly (string | number)[]
}

/** The conditions of a filter; `1` where it has none. */
export function conditionsOf(filter: Filter): Conditions {
  const parts: [sql: string, ...values: (string | number)[]][] = []
  if (filter.principal !== undefined) parts.push(['principal = ?', filter.principal])
  if (filter.outcome !== undefined) parts.push(['outcome = ?', filter.outcome])
  if (filter.path) parts.push(pathCondition(filter.path))
  if (filter.destination) {
    parts.push(['service = ?', filter.destination.service])
    const { namespace } = filter.destination
    if (namespace !== undefined) parts.push(['namespace = ?', namespace])
  }
  if (filter.enforced !== undefined) {
    parts.push([`idx ${filter.enforced ? 'NOT IN' : 'IN'} (SELECT idx FROM unenforced)`])
  }
  if (filter.fromMs !== undefined) parts.push(['time_ms >= ?', filter.fromMs])
  if (filter.toMs !== undefined) parts.push(['time_ms < ?', filter.toMs])
  return {
    sql: parts.map(([sql]) => sql).join(' AND ') || '1',
    values: parts.flatMap(([, ...values]) => values),
  }
}

/** The byte F5 is in no UTF-8 text, so it ends the range of all texts that begin alike. */
function pathCondition(path: NonNullable<Filter['path']>): [string, ...string[]] {
  if ('exact' in path) return ['path = ?', path.exact]
  return ["path >= ? AND path < (? || CAST(x'F5' AS TEXT))", path.prefix, path.prefix]
}
