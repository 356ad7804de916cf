import type { RecordClass } from '@verdict/contract'

/** What the policy's decision asks the caller to do, in a form that every protocol can carry. */
export interface PolicyResult {
  readonly allowed: boolean
  /** Whether the policy gave an object; a boolean leaves the form of the answer to the caller. */
  readonly detailed: boolean
  /** Allowed: for the upstream. Denied: for the client. */
  readonly headers: readonly HeaderChange[]
  /** For the client, when allowed. */
  readonly responseHeaders: readonly HeaderChange[]
  readonly headersToRemove: readonly string[]
  readonly queryToSet: readonly HeaderPair[]
  readonly queryToRemove: readonly string[]
  /** Allowed: 200. */
  readonly status: number
  readonly body: string | undefined
  readonly metadata: Readonly<Record<string, unknown>> | undefined
  readonly reason: string
  /** How well the decision has to be on record; absent where the policy does not say. */
  readonly recordClass?: RecordClass
}

export type HeaderPair = readonly [name: string, value: string]

/** A header, and what becomes of one by its name that is already there. */
export type HeaderChange = readonly [name: string, value: string, action?: AppendAction]

/** Envoy's `HeaderValueOption.append_action`, by the names that a policy writes. */
export const APPEND_ACTIONS = [
  'append_if_exists_or_add',
  'add_if_absent',
  'overwrite_if_exists_or_add',
  'overwrite_if_exists',
] as const
export type AppendAction = (typeof APPEND_ACTIONS)[number]

/** The reasons of a policy that gives none. */
export const DEFAULT_REASON = { allowed: 'allowed', denied: 'denied' } as const

const STATUS_DENIED = 403
const STATUS_ALLOWED = 200
const STATUS_UNREADABLE = 400

const BARE = {
  headers: [],
  responseHeaders: [],
  headersToRemove: [],
  queryToSet: [],
  queryToRemove: [],
  detailed: false,
  body: undefined,
  metadata: undefined,
} as const

/** A mere `true`. */
export const ALLOWED: PolicyResult = Object.freeze({
  ...BARE,
  allowed: true,
  status: STATUS_ALLOWED,
  reason: DEFAULT_REASON.allowed,
})
/** A mere `false`. */
export const DENIED: PolicyResult = Object.freeze({
  ...BARE,
  allowed: false,
  status: STATUS_DENIED,
  reason: DEFAULT_REASON.denied,
})

/** The result contract has no place for it: how opa-envoy-plugin denies what it can't read. */
export function unreadableResult(why: string): PolicyResult {
  return { ...DENIED, detailed: true, status: STATUS_UNREADABLE, body: why, reason: why }
}
