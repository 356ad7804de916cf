/** The policies that are shipped are asked about requests like these. */
export const SHOP_ENTRYPOINT = 'envoy/authz/allow'

interface ShopRequest {
  readonly method?: string
  readonly path: string
  readonly host: string
  readonly identity?: object
}

/** The input of a request of a shop. */
export function shopInput({ method = 'GET', path, host, identity }: ShopRequest): object {
  return {
    attributes: { request: { http: { method, path, host } } },
    identity: identity ?? { status: 'anonymous' },
    parsed_path: path.slice(1).split('/'),
    version: { encoding: 'protojson', ext_authz: 'v3' },
  }
}

/** A user whose token says these roles. */
export function user(roles?: readonly string[]): object {
  return {
    status: 'verified',
    issuer: 'https://issuer.example',
    subject: 'alice',
    claims: roles === undefined ? {} : { roles },
  }
}

/** A workload of the shop. */
export function workload(serviceAccount: string, namespace = 'shop'): object {
  const trustDomain = 'shop.example'
  const path = `/ns/${namespace}/sa/${serviceAccount}`
  return { id: `spiffe://${trustDomain}${path}`, trustDomain, path, namespace, serviceAccount }
}
