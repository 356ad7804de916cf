import type { Outcome } from '@verdict/contract'
import { type Facts, RULE_MARK, tagOf } from './fact.ts'

/** Which decisions are meant; every part that is given has to match. */
export interface Filter extends Facts {
  readonly principal?: string
  /** By what else the principal is found, where its name is under a key. */
  readonly pseudonyms?: readonly string[]
  readonly outcome?: Outcome
  /** The whole path, or how it begins. */
  readonly path?: { readonly exact: string } | { readonly prefix: string }
  /** Without a namespace: the service in any of them. */
  readonly destination?: { readonly namespace?: string; readonly service: string }
  /** The label of one of the rules that held. */
  readonly rule?: string
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

/** Those that are asked for as they are. */
const EXACT = [
  ...['workload', 'issuer', 'method', 'namespace', 'source', 'protocol'],
  ...['bundle', 'revision', 'entrypoint', 'reason', 'trace', 'request'],
] as const satisfies (keyof Facts)[]

/** The conditions of a filter; `1` where it has none. */
export function conditionsOf(filter: Filter): Conditions {
  const parts: [sql: string, ...values: (string | number)[]][] = []
  if (filter.principal !== undefined) {
    const names = [filter.principal, ...(filter.pseudonyms ?? [])]
    const places = names.map(() => '?').join(', ')
    parts.push([names.length === 1 ? 'principal = ?' : `principal IN (${places})`, ...names])
  }
  if (filter.outcome !== undefined) {
    parts.push(['outcome = ?', filter.outcome])
    // SQLite uses an index of some rows where the question says that it is about those.
    if (filter.outcome !== 'allow') parts.push(["outcome <> 'allow'"])
  }
  if (filter.path) parts.push(pathCondition(filter.path))
  if (filter.destination) {
    parts.push(['service = ?', filter.destination.service])
    const { namespace } = filter.destination
    if (namespace !== undefined) parts.push(['namespace = ?', namespace])
  }
  for (const name of EXACT) {
    const value = filter[name]
    if (value === undefined) continue
    if (name === 'trace') parts.push(['trace_tag = ?', tagOf(value)])
    parts.push([`${name} = ?`, value])
  }
  if (filter.rule !== undefined) {
    parts.push(['instr(rules, ?) > 0', `${RULE_MARK}${filter.rule}${RULE_MARK}`])
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
