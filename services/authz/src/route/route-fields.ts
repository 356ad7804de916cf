import { RECORD_CLASSES, type RecordClass } from '@verdict/contract'
import { DEFAULT_CHOICES, parseChoices } from '../canonicalise/ambiguity.ts'
import { canonicalAuthority } from '../canonicalise/authority.ts'
import { canonicalise } from '../canonicalise/canonicalise.ts'
import { PATH_KINDS } from './readings.ts'
import type { HostPattern, RoutePattern } from './route-table.ts'

/** How a field of a route is read, and its form for people; it follows the word “expected”. */
export interface RouteField<T> {
  readonly form: string
  /** Undefined where the value is not of the form. */
  readonly read: (value: unknown) => T | undefined
}

const NAME_CHARS_MAX = 200
/** A rule, as a path: its package and its name. */
const ENTRYPOINT = /^[\w-]+(?:\/[\w-]+)+$/
const METHOD = /^[A-Z]+(?:-[A-Z]+)*$/
const HOST = /^(?:\[[0-9a-f:.]+\]|[a-z0-9_-]+(?:\.[a-z0-9_-]+)*)$/

export const ENTRYPOINT_FIELD: RouteField<string> = {
  form: 'the path of a rule, such as `envoy/authz/allow`',
  read: (value) => (typeof value === 'string' && ENTRYPOINT.test(value) ? value : undefined),
}

export const NAME_FIELD: RouteField<string> = {
  form: `a text of 1 to ${NAME_CHARS_MAX} characters`,
  read: (value) =>
    typeof value === 'string' && value !== '' && value.length <= NAME_CHARS_MAX ? value : undefined,
}

export const HOST_FIELD: RouteField<HostPattern> = {
  form: 'a host without a port, such as `shop.example`, or `*.shop.example` for all below it',
  read: (value) => {
    if (typeof value !== 'string' || value.includes('@')) return undefined
    const below = value.startsWith('*.')
    const name = canonicalAuthority(below ? value.slice(2) : value, undefined)
    return HOST.test(name) ? { name, below } : undefined
  },
}

export const PATH_FIELD: RouteField<Pick<RoutePattern, 'segments' | 'below'>> = {
  form: 'a path such as `/orders/1`, or `/orders/*` for it and all below it, that can be read in one way',
  read: (value) => {
    if (typeof value !== 'string' || !value.startsWith('/')) return undefined
    const below = value.endsWith('/*')
    const path = below ? value.slice(0, -2) : value
    if (path.includes('*') || path.includes('?')) return undefined
    if (below && path === '') return { segments: [], below }
    return segmentsOf(path, below)
  },
}

export const METHODS_FIELD: RouteField<readonly string[]> = {
  form: 'an array of methods in capital letters',
  read: (value) => {
    if (!Array.isArray(value) || value.length === 0) return undefined
    const isMethod = (one: unknown): boolean => typeof one === 'string' && METHOD.test(one)
    return value.every(isMethod) ? (value as readonly string[]) : undefined
  },
}

export const CHOICES_FIELD: RouteField<string> = {
  form: 'kinds of docs/ambiguities.md with refuse, flag or allow, such as `backslash=flag`',
  read: (value) =>
    typeof value === 'string' && parseChoices(value, DEFAULT_CHOICES) !== undefined
      ? value
      : undefined,
}

export const RECORD_CLASS_FIELD: RouteField<RecordClass> = {
  form: `one of ${RECORD_CLASSES.join(', ')}`,
  read: (value) => RECORD_CLASSES.find((one) => one === value),
}

export const FLAG_FIELD: RouteField<boolean> = {
  form: 'true or false',
  read: (value) => (typeof value === 'boolean' ? value : undefined),
}

function segmentsOf(path: string, below: boolean) {
  try {
    const { parsedPath, ambiguities } = canonicalise({ path })
    return (ambiguities & PATH_KINDS) === 0 ? { segments: parsedPath, below } : undefined
  } catch {
    // A malformed escape.
    return undefined
  }
}
