import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { loadSync } from '@grpc/proto-loader'

/** One question in the three forms in which it is asked: alice reads an order. */

const PATH = '/orders/1?expand=items'
const HOST = 'shop.example'

export const IDENTITY = {
  status: 'verified',
  issuer: 'https://demo.verdict.example',
  subject: 'alice',
  claims: { sub: 'alice', roles: ['customer'], iat: 1_763_800_000, exp: 1_763_803_600 },
} as const

/** What a browser sends, and Envoy adds. */
const HEADERS = {
  accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
  'accept-encoding': 'gzip, deflate, br, zstd',
  'accept-language': 'en-GB,en;q=0.5',
  authorization: `Bearer ${'eyJhbGciOiJFUzI1NiJ9.'.repeat(30)}`,
  cookie: 'session=8f14e45fceea167a5a36dedd4bea2543; theme=dark',
  'sec-fetch-dest': 'document',
  'sec-fetch-mode': 'navigate',
  'sec-fetch-site': 'same-origin',
  'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
  'x-request-id': 'b9f4b3a0-5a3c-4d0a-9d0c-2f1f3f0c6f51',
  traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
}
const ENVOY_HEADERS = {
  ':authority': HOST,
  ':method': 'GET',
  ':path': PATH,
  ':scheme': 'https',
  ...HEADERS,
}
const HTTP = { id: '12345678901234567890', method: 'GET', path: PATH, host: HOST, scheme: 'https' }
const ROUTE = { namespace: 'shop', service: 'orders' }

/** Of `GET /check`, as a gateway asks; the question names the service by the host. */
export const CHECK_HEADERS = {
  ...HEADERS,
  'x-forwarded-method': 'GET',
  'x-forwarded-proto': 'https',
  'x-forwarded-host': 'orders.shop',
  'x-forwarded-uri': PATH,
}

/** A CheckRequest, as a real Envoy asks. */
export function checkRequest(path = PATH): Uint8Array {
  const protos = join(
    dirname(fileURLToPath(import.meta.resolve('@grpc/grpc-js-xds/package.json'))),
    'deps',
  )
  const definition = loadSync('envoy/service/auth/v3/external_auth.proto', {
    includeDirs: ['envoy-api', 'googleapis', 'xds', 'protoc-gen-validate'].map((part) =>
      join(protos, part),
    ),
    keepCase: true,
  })
  const service = definition['envoy.service.auth.v3.Authorization'] as unknown as {
    Check: { requestSerialize(message: object): Buffer }
  }
  const peer = (address: string, port_value: number): object => ({
    address: { socket_address: { address, port_value } },
  })
  const headers = { ...ENVOY_HEADERS, ':path': path }
  const http = { ...HTTP, path, protocol: 'HTTP/2', size: -1, headers }
  return service.Check.requestSerialize({
    attributes: {
      source: peer('10.0.0.7', 40_111),
      destination: peer('10.0.0.9', 10_000),
      request: { time: { seconds: 1_763_800_000, nanos: 5_000_000 }, http },
      context_extensions: ROUTE,
    },
  })
}

/** The input document that our decision point makes of it, for the Data API of OPA. */
export function opaInput(): string {
  const peer = (address: string, portValue: number): object => ({
    address: { socketAddress: { address, portValue } },
  })
  const http = { ...HTTP, protocol: 'HTTP/2', size: -1, headers: ENVOY_HEADERS }
  const input = {
    attributes: {
      source: peer('10.0.0.7', 40_111),
      destination: peer('10.0.0.9', 10_000),
      request: { time: { seconds: 1_763_800_000, nanos: 5_000_000 }, http },
      contextExtensions: ROUTE,
    },
    identity: IDENTITY,
    parsed_body: null,
    parsed_path: ['orders', '1'],
    parsed_query: { expand: ['items'] },
    truncated_body: false,
    version: { encoding: 'protojson', ext_authz: 'v3' },
  }
  return JSON.stringify({ input })
}
