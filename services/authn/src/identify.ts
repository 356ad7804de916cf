import {
  type IdentifyRequest,
  type Identity,
  IdentityStatus,
  InvalidTokenReason,
} from '@verdict/contract'
import { type Credential, parseCredential } from './credential.ts'
import type { TokenVerifier } from './token.ts'
import { workloadOf } from './workload.ts'

/** How long it may be remembered that a token is invalid: a new key or a clock may change that. */
export const INVALID_CACHE_MS = 10_000

export interface Identified {
  readonly identity: Identity
  readonly cacheUntilMs: number
}

export interface IdentifyOptions {
  /** Absent where no issuer is configured: tokens are not judged then. */
  readonly verifier?: TokenVerifier
  readonly trustForwardedClientCert: boolean
  readonly cacheMaxMs: number
}

/**
 * Who calls: the end user by the token, the workload by the peer of the connection.
 * @throws {AuthnError} `keys_unavailable`
 */
export async function identify(
  request: IdentifyRequest,
  options: IdentifyOptions,
): Promise<Identified> {
  const { identity, cacheUntilMs } = await identifyUser(
    parseCredential(request.authorization),
    options,
  )
  const workload = workloadOf(request, options.trustForwardedClientCert)
  return { identity: workload === undefined ? identity : { ...identity, workload }, cacheUntilMs }
}

async function identifyUser(
  credential: Credential,
  { verifier, cacheMaxMs }: IdentifyOptions,
): Promise<Identified> {
  const now = Date.now()
  const cacheUntilMs = now + cacheMaxMs
  if (credential.kind === 'none') {
    return { identity: { status: IdentityStatus.anonymous }, cacheUntilMs }
  }
  // A scheme that is not ours is the policy's to judge, as is every token without an issuer.
  if (credential.kind === 'other' || verifier === undefined) {
    return { identity: { status: IdentityStatus.unverified }, cacheUntilMs }
  }
  const invalidUntilMs = now + Math.min(INVALID_CACHE_MS, cacheMaxMs)
  if (credential.kind === 'malformed') {
    return refused(InvalidTokenReason.malformed, invalidUntilMs)
  }
  const verdict = await verifier.verify(credential.token)
  if (!verdict.valid) {
    return refused(verdict.reason, Math.min(invalidUntilMs, verdict.validFromMs ?? Infinity))
  }
  const { sub, iss } = verdict.claims
  return {
    identity: {
      status: IdentityStatus.verified,
      ...(sub === undefined ? {} : { subject: sub }),
      ...(iss === undefined ? {} : { issuer: iss }),
      claims: verdict.claims,
    },
    cacheUntilMs: Math.floor(Math.min(cacheUntilMs, verdict.expiresAtMs)),
  }
}

function refused(reason: InvalidTokenReason, cacheUntilMs: number): Identified {
  return {
    identity: { status: IdentityStatus.invalid, reason },
    cacheUntilMs: Math.floor(cacheUntilMs),
  }
}
