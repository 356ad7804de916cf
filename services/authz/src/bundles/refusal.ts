import { messageOf, VerdictError } from '@verdict/contract'
import { PolicyErrorCode } from '@verdict/policy'
import { AuthzErrorCode, BundlesErrorCode } from '../errors.ts'

/** Why something that is offered is not active. */
export interface Refusal {
  readonly code: string
  readonly message: string
}

export function refusalOf(error: unknown): Refusal {
  const code = error instanceof VerdictError ? error.code : AuthzErrorCode.internal
  return { code, message: messageOf(error) }
}

/** What may pass by itself: the same offer is tried again. */
export function isPassing({ code }: Refusal): boolean {
  return PASSING.has(code)
}

/** What depends on other bundles, or on settings: the same offer is tried when they change. */
export function isDepending({ code }: Refusal): boolean {
  return DEPENDING.has(code)
}

const PASSING: ReadonlySet<string> = new Set([
  PolicyErrorCode.opaUnavailable,
  PolicyErrorCode.opaTimedOut,
  PolicyErrorCode.opaFailed,
  PolicyErrorCode.cacheFailed,
  PolicyErrorCode.buildAborted,
  BundlesErrorCode.bundleStoreFailed,
  AuthzErrorCode.internal,
])

const DEPENDING: ReadonlySet<string> = new Set([
  PolicyErrorCode.bundleRootsOverlap,
  BundlesErrorCode.bundleEntrypointTaken,
  BundlesErrorCode.bundleWithoutEntrypoint,
])
