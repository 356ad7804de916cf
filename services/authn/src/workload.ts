import { type IdentifyRequest, parseSpiffeId, type WorkloadIdentity } from '@verdict/contract'
import { parseForwardedClientCert } from './forwarded-client-cert.ts'

/**
 * The workload that calls: Envoy's verified peer, else, only where forwarded headers are trusted,
 * the client of the nearest hop in `x-forwarded-client-cert`.
 */
export function workloadOf(
  { sourcePrincipal, forwardedClientCert }: IdentifyRequest,
  trustForwarded: boolean,
): WorkloadIdentity | undefined {
  const peer = parseSpiffeId(sourcePrincipal ?? '')
  if (peer !== undefined) return { ...peer, from: 'source.principal' }
  if (!trustForwarded || !forwardedClientCert) return undefined
  const nearest = parseForwardedClientCert(forwardedClientCert)?.at(-1)
  // An X.509 SVID has exactly one URI; with two nobody can say which of them calls.
  const [uri, ...more] = nearest?.get('uri') ?? []
  const forwarded = uri === undefined || more.length > 0 ? undefined : parseSpiffeId(uri)
  return forwarded && { ...forwarded, from: 'x-forwarded-client-cert' }
}
