import { VerdictError } from '@verdict/contract'

export const AuthnErrorCode = {
  /** The keys of an issuer can't be had, so nothing can be said about its tokens. */
  keysUnavailable: 'keys_unavailable',
  /** A file or an answer that claims to be a JWK Set is not one that may be used. */
  malformedKeys: 'malformed_keys',
  /** The question is not an IdentifyRequest. */
  malformedQuestion: 'malformed_question',
  /** A fault of authn itself; its log says which. */
  internal: 'internal',
} as const
export type AuthnErrorCode = (typeof AuthnErrorCode)[keyof typeof AuthnErrorCode]

export class AuthnError extends VerdictError<AuthnErrorCode> {
  override readonly name = 'AuthnError'
}
