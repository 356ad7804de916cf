import http from 'node:http'
import { GrpcConnection } from './grpc-connection.ts'
import { type Ask, TurnedAway } from './load.ts'

export interface Client extends AsyncDisposable {
  readonly ask: Ask
}

/** The calls that may be under way (load.ts) are, shared out, fewer than a connection may have. */
const CONNECTIONS = 4
const SOCKETS_MAX = 64

/** Unary gRPC calls, over connections by turns. */
export function grpcClient(port: number, path: string, message: Uint8Array): Client {
  const connections = Array.from(
    { length: CONNECTIONS },
    () => new GrpcConnection(port, path, message),
  )
  let turn = 0
  return {
    async ask() {
      await connections[turn++ % CONNECTIONS]?.call()
    },
    async [Symbol.asyncDispose]() {
      for (const connection of connections) connection.end()
    },
  }
}

export interface HttpQuestion {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/** HTTP/1.1 over connections that are kept. */
export function httpClient(port: number, question: HttpQuestion): Client {
  const agent = new http.Agent({ keepAlive: true, maxSockets: SOCKETS_MAX })
  const { method, path, headers = {}, body } = question
  return {
    ask() {
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      const request = http.request(
        { agent, host: '127.0.0.1', port, method, path, headers },
        (response) => {
          const { statusCode } = response
          response.on('end', () => {
            if (statusCode === 200) resolve()
            else if (statusCode === 503) reject(new TurnedAway(`${path} answered 503`))
            else reject(new Error(`${path} answered ${statusCode}`))
          })
          response.resume()
        },
      )
      request.on('error', reject)
      request.end(body)
      return promise
    },
    async [Symbol.asyncDispose]() {
      agent.destroy()
    },
  }
}
