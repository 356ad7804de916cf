import { InvalidTokenReason } from '@verdict/contract'
import {
  decodeJwt,
  errors,
  type JWTPayload,
  type JWTVerifyOptions,
  type JWTVerifyResult,
  jwtVerify,
} from 'jose'
import type { Issuer } from './issuers.ts'
import type { KeySource } from './key-set.ts'

/** An issuer with its keys at hand. */
export interface TrustedIssuer extends Issuer {
  readonly source: KeySource
}

export type TokenVerdict =
  | { readonly valid: true; readonly claims: JWTPayload; readonly expiresAtMs: number }
  | {
      readonly valid: false
      readonly reason: InvalidTokenReason
      /** The token may be valid from then on. */
      readonly validFromMs?: number
    }

/**
 * Kinds of tokens that grant access (RFC 8725, section 3.11): a logout token or a proof of
 * possession of the same issuer is none, however well it is signed.
 */
const ACCESS_TOKEN_TYPES = ['jwt', 'at+jwt']

/** Verifies access tokens of the issuers that are trusted. */
export class TokenVerifier {
  readonly #issuers: ReadonlyMap<string, TrustedIssuer>
  readonly #clockToleranceMs: number

  constructor(issuers: readonly TrustedIssuer[], options: { clockToleranceMs: number }) {
    this.#issuers = new Map(issuers.map((issuer) => [issuer.issuer, issuer]))
    this.#clockToleranceMs = options.clockToleranceMs
  }

  /** @throws {AuthnError} `keys_unavailable`: then nothing can be said about the token */
  async verify(token: string): Promise<TokenVerdict> {
    try {
      const issuer = this.#issuers.get(claimedIssuer(token) ?? '')
      if (issuer === undefined) return invalid(InvalidTokenReason.unknownIssuer)
      return judge(await this.#verifyBy(issuer, token))
    } catch (thrown) {
      const reason = reasonOf(thrown)
      if (reason === undefined) throw thrown
      const nbf = reason === InvalidTokenReason.notYetValid ? notBeforeOf(thrown) : undefined
      return nbf === undefined
        ? invalid(reason)
        : { ...invalid(reason), validFromMs: nbf * 1000 - this.#clockToleranceMs }
    }
  }

  async #verifyBy(issuer: TrustedIssuer, token: string): Promise<JWTVerifyResult> {
    const options: JWTVerifyOptions = {
      issuer: issuer.issuer,
      audience: [...issuer.audiences],
      algorithms: [...issuer.algorithms],
      clockTolerance: this.#clockToleranceMs / 1000,
    }
    try {
      // Keys in the token's own header (`jwk`, `jku`, `x5u`, `x5c`) are never looked at.
      return await jwtVerify(token, issuer.source.find, options)
    } catch (thrown) {
      if (!(thrown instanceof errors.JWKSMultipleMatchingKeys)) throw thrown
      return await verifyByAny(thrown, token, options)
    }
  }
}

/** A token without `kid`: each key that it could be is tried; KEYS_MAX bounds them. */
async function verifyByAny(
  keys: errors.JWKSMultipleMatchingKeys,
  token: string,
  options: JWTVerifyOptions,
): Promise<JWTVerifyResult> {
  for await (const key of keys) {
    try {
      return await jwtVerify(token, key, options)
    } catch (thrown) {
      if (!(thrown instanceof errors.JWSSignatureVerificationFailed)) throw thrown
    }
  }
  throw new errors.JWSSignatureVerificationFailed()
}

/** What jose leaves to us: the kind of the token, that it ends, and the form of its subject. */
function judge({ payload, protectedHeader }: JWTVerifyResult): TokenVerdict {
  const type = protectedHeader.typ?.toLowerCase().replace(/^application\//, '') ?? 'jwt'
  const { exp, sub } = payload
  const named = sub === undefined || (typeof sub === 'string' && sub !== '')
  // Without an end a token could never be got rid of.
  if (!ACCESS_TOKEN_TYPES.includes(type) || !named || exp === undefined) {
    return invalid(InvalidTokenReason.badClaims)
  }
  return { valid: true, claims: payload, expiresAtMs: exp * 1000 }
}

/** The issuer that the token names, not verified: only good to look its keys up. */
function claimedIssuer(token: string): string | undefined {
  const { iss } = decodeJwt(token)
  return typeof iss === 'string' ? iss : undefined
}

/** Why the token is invalid; `undefined` where the error says nothing about it. */
function reasonOf(thrown: unknown): InvalidTokenReason | undefined {
  if (thrown instanceof errors.JWTExpired) return InvalidTokenReason.expired
  if (thrown instanceof errors.JWTClaimValidationFailed) return claimReasonOf(thrown)
  if (thrown instanceof errors.JWKSNoMatchingKey) return InvalidTokenReason.unknownKey
  if (
    thrown instanceof errors.JWSSignatureVerificationFailed ||
    thrown instanceof errors.JOSEAlgNotAllowed
  ) {
    return InvalidTokenReason.badSignature
  }
  if (
    thrown instanceof errors.JWTInvalid ||
    thrown instanceof errors.JWSInvalid ||
    thrown instanceof errors.JOSENotSupported
  ) {
    return InvalidTokenReason.malformed
  }
  return undefined
}

function claimReasonOf({ claim, reason }: errors.JWTClaimValidationFailed): InvalidTokenReason {
  if (claim === 'iss') return InvalidTokenReason.unknownIssuer
  if (claim === 'aud') return InvalidTokenReason.wrongAudience
  return claim === 'nbf' && reason === 'check_failed'
    ? InvalidTokenReason.notYetValid
    : InvalidTokenReason.badClaims
}

function notBeforeOf(thrown: unknown): number | undefined {
  const nbf = thrown instanceof errors.JWTClaimValidationFailed ? thrown.payload.nbf : undefined
  return typeof nbf === 'number' ? nbf : undefined
}

function invalid(reason: InvalidTokenReason): {
  readonly valid: false
  reason: InvalidTokenReason
} {
  return { valid: false, reason }
}
