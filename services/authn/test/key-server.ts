import { once } from 'node:events'
import { createServer, type Server, type ServerResponse } from 'node:http'

/** A real HTTP server with a JWK Set, which can go down and come back on the same port. */
export class KeyServer implements AsyncDisposable {
  /** Answers the next requests; default: 200 with `body`. */
  answer: (response: ServerResponse) => void = (response) => {
    response.setHeader('content-type', 'application/json').end(this.body)
  }
  body: string
  requests = 0
  readonly port: number
  #server: Server | undefined

  private constructor(port: number, body: string) {
    this.port = port
    this.body = body
  }

  static async start(port: number, body: string): Promise<KeyServer> {
    const server = new KeyServer(port, body)
    await server.up()
    return server
  }

  get url(): URL {
    return new URL(`http://127.0.0.1:${this.port}/keys`)
  }

  async up(): Promise<void> {
    this.#server = createServer((_request, response) => {
      this.requests++
      this.answer(response)
    }).listen(this.port, '127.0.0.1')
    await once(this.#server, 'listening')
  }

  async down(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    if (server === undefined) return
    server.close()
    server.closeAllConnections()
    await once(server, 'close')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.down()
  }
}
