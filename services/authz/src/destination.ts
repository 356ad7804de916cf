import { type Destination, parseSpiffeId } from '@verdict/contract'
import { canonicalAuthority } from './canonicalise/authority.ts'
import type { Attributes, Peer } from './request.ts'

/** The service of a request that nothing names. */
export const UNKNOWN_SERVICE = 'unknown'

/**
 * Which service a request is for, by the first that names it: the context extensions `service` and
 * `namespace` of Envoy's route, the workload in the destination's SPIFFE ID, the destination's
 * service, the host, and for a connection that is no HTTP the server name of its TLS session.
 */
export function destinationOf(attributes: Attributes | undefined): Destination {
  const peer = attributes?.destination
  const named = nameOf(attributes)
  const address = addressOf(peer)
  const principal = peer?.principal
  return {
    ...(address === undefined ? undefined : { address }),
    ...(named.namespace === undefined ? undefined : { namespace: named.namespace }),
    ...(principal === undefined ? undefined : { principal }),
    service: named.service,
  }
}

/** `10.0.0.9:8080`, `[2001:db8::1]:8080`. */
function addressOf(peer: Peer | undefined): string | undefined {
  const { address, portValue } = peer?.address?.socketAddress ?? {}
  if (address === undefined) return undefined
  const host = address.includes(':') ? `[${address}]` : address
  return portValue === undefined ? host : `${host}:${portValue}`
}

interface Named {
  readonly service: string
  readonly namespace?: string | undefined
}

function nameOf(attributes: Attributes | undefined): Named {
  const { service, namespace } = attributes?.contextExtensions ?? {}
  if (service) return { service, namespace: namespace || undefined }
  const peer = attributes?.destination
  const workload = peer?.principal ? workloadOf(peer.principal) : undefined
  if (workload !== undefined) return workload
  if (peer?.service) return { service: peer.service }
  const http = attributes?.request?.http
  const { host = '', scheme } = http ?? { host: attributes?.tlsSession?.sni }
  return { service: withoutPort(canonicalAuthority(host, scheme)) || UNKNOWN_SERVICE }
}

/** `[2001:db8::1]:80` → `[2001:db8::1]`, `shop.local:80` → `shop.local`. */
function withoutPort(host: string): string {
  return host.replace(/:\d*$/, '')
}

function workloadOf(principal: string): Named | undefined {
  const { serviceAccount, namespace } = parseSpiffeId(principal) ?? {}
  return serviceAccount === undefined ? undefined : { service: serviceAccount, namespace }
}
