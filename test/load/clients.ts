import http from 'node:http'
import http2 from 'node:http2'
import type { Ask } from './load.ts'

export interface Client extends AsyncDisposable {
  readonly ask: Ask
}

const SESSIONS = 2
const SOCKETS_MAX = 64
const PREFIX_BYTES = 5

/** Unary gRPC calls, over two connections by turns. */
export function grpcClient(port: number, path: string, message: Uint8Array): Client {
  const sessions = Array.from({ length: SESSIONS }, () => http2.connect(`http://127.0.0.1:${port}`))
  const prefix = Buffer.alloc(PREFIX_BYTES)
  prefix.writeUInt32BE(message.byteLength, 1)
  const body = Buffer.concat([prefix, message])
  let turn = 0
  return {
    ask() {
      const session = sessions[turn++ % SESSIONS]
      if (session === undefined) throw new Error('no session')
      return unary(session, path, body)
    },
    async [Symbol.asyncDispose]() {
      for (const session of sessions) session.destroy()
    },
  }
}

async function unary(session: http2.ClientHttp2Session, path: string, body: Buffer): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const stream = session.request({
    ':method': 'POST',
    ':path': path,
    'content-type': 'application/grpc',
    'grpc-timeout': '5S',
    te: 'trailers',
  })
  const check = (fields: http2.IncomingHttpHeaders): void => {
    const status = fields['grpc-status']
    if (status === undefined) return
    if (status === '0') resolve()
    else reject(new Error(`status ${status}: ${fields['grpc-message']}`))
  }
  stream.on('response', check)
  stream.on('trailers', check)
  stream.on('error', reject)
  stream.on('close', () => reject(new Error('the stream ended without a status')))
  stream.resume()
  stream.end(body)
  return await promise
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
