import { InvalidTokenReason } from '@verdict/contract'
import { bearerChallenge } from './result/bearer-challenge.ts'
import { DENIED, type PolicyResult } from './result/policy-result.ts'

const DESCRIPTIONS: Readonly<Record<InvalidTokenReason, string>> = {
  [InvalidTokenReason.malformed]: 'the token is malformed',
  [InvalidTokenReason.unknownIssuer]: 'the issuer of the token is not accepted here',
  [InvalidTokenReason.unknownKey]: 'the token is signed with a key that its issuer does not have',
  [InvalidTokenReason.badSignature]: 'the signature of the token is not valid',
  [InvalidTokenReason.expired]: 'the token is expired',
  [InvalidTokenReason.notYetValid]: 'the token is not valid yet',
  [InvalidTokenReason.wrongAudience]: 'the token is for another audience',
  [InvalidTokenReason.badClaims]: 'a claim of the token is missing or malformed',
}

/** What the bearer of an invalid token is told: 401 with a challenge (RFC 6750, section 3). */
export function challenge(reason: InvalidTokenReason | undefined): PolicyResult {
  const description = DESCRIPTIONS[reason ?? InvalidTokenReason.malformed]
  const value = bearerChallenge({ error: 'invalid_token', error_description: description })
  return {
    ...DENIED,
    detailed: true,
    headers: [
      ['www-authenticate', value],
      ['content-type', 'application/json'],
    ],
    status: 401,
    body: JSON.stringify({ error: { code: 'unauthenticated', message: description } }),
    reason: reason ?? InvalidTokenReason.malformed,
  }
}
