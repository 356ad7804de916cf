/** What authn found out about the caller of a request. */
export const IdentityStatus = {
  /** No credential was presented. */
  anonymous: 'anonymous',
  /** A token was presented and verified against a configured issuer. */
  verified: 'verified',
  /** A token was presented and is not valid: the answer to the caller is 401. */
  invalid: 'invalid',
  /** A token was presented and no issuer is configured, so the policy decides alone. */
  unverified: 'unverified',
} as const
export type IdentityStatus = (typeof IdentityStatus)[keyof typeof IdentityStatus]

/** Why a token is invalid. Low in cardinality: it is a metric label. */
export const InvalidTokenReason = {
  malformed: 'malformed',
  unknownIssuer: 'unknown_issuer',
  unknownKey: 'unknown_key',
  badSignature: 'bad_signature',
  expired: 'expired',
  notYetValid: 'not_yet_valid',
  wrongAudience: 'wrong_audience',
  badClaims: 'bad_claims',
} as const
export type InvalidTokenReason = (typeof InvalidTokenReason)[keyof typeof InvalidTokenReason]

/** A workload's SPIFFE ID, taken apart. `namespace` and `serviceAccount` follow Istio's path form. */
export interface WorkloadIdentity {
  /** The whole ID, `spiffe://trust-domain/path`. */
  readonly id: string
  readonly trustDomain: string
  readonly path: string
  readonly namespace?: string
  readonly serviceAccount?: string
  /** Where the ID was read: Envoy's verified peer, or a forwarded header that is trusted. */
  readonly from: 'source.principal' | 'x-forwarded-client-cert'
}

/** The caller, as policies see it in `input.identity`. */
export interface Identity {
  readonly status: IdentityStatus
  readonly subject?: string
  readonly issuer?: string
  /** The claims of a verified token, whole; absent in every other status. */
  readonly claims?: Readonly<Record<string, unknown>>
  readonly reason?: InvalidTokenReason
  readonly workload?: WorkloadIdentity
}

/** The question to authn. All values are as the protocol carried them. */
export interface IdentifyRequest {
  /** The value of the `authorization` header. */
  readonly authorization?: string
  /** `attributes.source.principal` of Envoy. */
  readonly sourcePrincipal?: string
  /** The value of the `x-forwarded-client-cert` header. */
  readonly forwardedClientCert?: string
}

/** The answer of authn: an identity with the time until which it may be remembered, or a fault. */
export type IdentifyReply =
  | { readonly identity: Identity; readonly cacheUntilMs: number }
  | { readonly error: { readonly code: string; readonly message: string } }

/** The name that the record and the metrics use for the caller. */
export function principalOf(identity: Identity): string {
  return identity.subject ?? identity.workload?.id ?? 'anonymous'
}

const SPIFFE_ID_BYTES_MAX = 2048
const TRUST_DOMAIN = /^[a-z0-9._-]{1,255}$/
const PATH_SEGMENT = /^[A-Za-z0-9._-]+$/

/** Takes a SPIFFE ID apart (SPIFFE-ID specification, section 2); undefined where it is not one. */
export function parseSpiffeId(text: string): Omit<WorkloadIdentity, 'from'> | undefined {
  if (text.length > SPIFFE_ID_BYTES_MAX || !text.startsWith('spiffe://')) return undefined
  const [trustDomain = '', ...segments] = text.slice('spiffe://'.length).split('/')
  if (!TRUST_DOMAIN.test(trustDomain)) return undefined
  for (const segment of segments) {
    if (!PATH_SEGMENT.test(segment) || segment === '.' || segment === '..') return undefined
  }
  const path = segments.map((segment) => `/${segment}`).join('')
  const [ns, namespace, sa, serviceAccount, ...rest] = segments
  return ns === 'ns' && sa === 'sa' && namespace && serviceAccount && rest.length === 0
    ? { id: text, trustDomain, path, namespace, serviceAccount }
    : { id: text, trustDomain, path }
}
