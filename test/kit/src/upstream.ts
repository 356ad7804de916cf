import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A real HTTP server that answers 200 with the request that reached it, as JSON. */
export class Upstream implements AsyncDisposable {
  readonly port: number
  /** How many requests have reached it. */
  requests = 0
  readonly #server: Server

  private constructor(server: Server) {
    this.#server = server
    this.port = (server.address() as AddressInfo).port
    server.on('request', (request, response) => {
      this.requests++
      const { method, url: path, headers } = request
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify({ method, path, headers }))
    })
  }

  static async start(): Promise<Upstream> {
    const server = createServer()
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve)
    })
    return new Upstream(server)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => {
      this.#server.close(resolve)
    })
  }
}
