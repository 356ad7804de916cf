import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** The services of the demo shop, by the first segment of the path. */
const SERVICES = new Set(['catalog', 'orders', 'payments', 'foo'])
const REQUEST_TIMEOUT_MS = 10_000

export interface Shop {
  readonly port: number
  stop(): Promise<void>
}

/** The services behind the demo's Envoy: they answer with what reached them. */
export async function startShop(options: { port: number; host: string }): Promise<Shop> {
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS }, (request, response) => {
    request.resume()
    const { status, body } = answer(request)
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(`${JSON.stringify(body)}\n`)
  })
  server.listen(options)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return { port, stop: () => stop(server) }
}

function answer({ method, url = '/', headers }: IncomingMessage): { status: number; body: object } {
  const path = url.split('?')[0] ?? '/'
  const service = path.split('/')[1] ?? ''
  if (path === '/healthz') return { status: 200, body: { status: 'ok' } }
  if (!SERVICES.has(service)) return { status: 404, body: { error: 'not found' } }
  const verdict = Object.entries(headers).filter(([name]) => name.startsWith('x-verdict-'))
  return { status: 200, body: { service, method, path, verdict: Object.fromEntries(verdict) } }
}

async function stop(server: Server): Promise<void> {
  server.close()
  server.closeAllConnections()
  if (server.listening) await once(server, 'close')
}
