import http from 'node:http'
import http2 from 'node:http2'

/** What became of one question. */
export type Outcome =
  | { readonly kind: 'answered'; readonly allowed: boolean; readonly id: string }
  /** Turned away, and told when to ask again. */
  | { readonly kind: 'shed' }
  /** The time that the caller gave had passed, by its own clock or by the decision point's. */
  | { readonly kind: 'late' }
  /** Anything else: there should be none. */
  | { readonly kind: 'strange'; readonly what: string }

export interface OverloadClient extends AsyncDisposable {
  /** Asks about one path; never rejects. */
  readonly ask: (path: string) => Promise<Outcome>
}

/** As Envoy by its default. */
const GRPC_PATIENCE_MS = 200
/** Gateways that ask over HTTP wait for seconds by theirs. */
const HTTP_PATIENCE_MS = 1_000
const SESSIONS = 4
const SOCKETS_MAX = 512
const CHECK = '/envoy.service.auth.v3.Authorization/Check'
const EXHAUSTED = '8'
const DEADLINE_EXCEEDED = '4'
const ID = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/
/** Of gRPC, before the message: a flag and the length. */
const PREFIX_BYTES = 5

/** Asks with a deadline, and resets the stream where it passes, as Envoy does. */
export function grpcOverloadClient(
  port: number,
  messageOf: (path: string) => Uint8Array,
): OverloadClient {
  const sessions = Array.from({ length: SESSIONS }, () => http2.connect(`http://127.0.0.1:${port}`))
  for (const session of sessions) session.setMaxListeners(0)
  let turn = 0
  return {
    ask(path) {
      const session = sessions[turn++ % SESSIONS]
      if (session === undefined) throw new Error('no session')
      return unary(session, messageOf(path))
    },
    async [Symbol.asyncDispose]() {
      for (const session of sessions) session.destroy()
    },
  }
}

async function unary(session: http2.ClientHttp2Session, message: Uint8Array): Promise<Outcome> {
  const { promise, resolve } = Promise.withResolvers<Outcome>()
  const stream = session.request({
    ':method': 'POST',
    ':path': CHECK,
    'content-type': 'application/grpc',
    'grpc-timeout': `${GRPC_PATIENCE_MS}m`,
    te: 'trailers',
  })
  const chunks: Buffer[] = []
  const settle = (fields: http2.IncomingHttpHeaders): void => {
    if (fields['grpc-status'] !== undefined) resolve(grpcOutcome(fields, Buffer.concat(chunks)))
  }
  const patience = setTimeout(() => {
    resolve({ kind: 'late' })
    stream.close(http2.constants.NGHTTP2_CANCEL)
  }, GRPC_PATIENCE_MS)
  stream.on('response', settle)
  stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  stream.on('trailers', settle)
  stream.on('error', (error) => resolve({ kind: 'strange', what: error.message }))
  stream.on('close', () => {
    clearTimeout(patience)
    resolve({ kind: 'strange', what: 'the stream ended without a status' })
  })
  const prefix = Buffer.alloc(PREFIX_BYTES)
  prefix.writeUInt32BE(message.byteLength, 1)
  stream.end(Buffer.concat([prefix, message]))
  return await promise
}

function grpcOutcome(fields: http2.IncomingHttpHeaders, body: Buffer): Outcome {
  const status = String(fields['grpc-status'])
  if (status === DEADLINE_EXCEEDED) return { kind: 'late' }
  if (status === EXHAUSTED && fields['grpc-retry-pushback-ms'] !== undefined) {
    return { kind: 'shed' }
  }
  const [id] = ID.exec(body.toString('latin1')) ?? []
  if (status !== '0' || id === undefined) return { kind: 'strange', what: `status ${status}` }
  // The first field is the status; one of code 0, which allows, is empty.
  return { kind: 'answered', allowed: body[PREFIX_BYTES + 1] === 0, id }
}

/** Asks as a gateway does, over connections that are kept and closed where the time passes. */
export function httpOverloadClient(
  port: number,
  headersOf: (path: string) => Readonly<Record<string, string>>,
): OverloadClient {
  const agent = new http.Agent({ keepAlive: true, maxSockets: SOCKETS_MAX })
  return {
    ask(path) {
      const { promise, resolve } = Promise.withResolvers<Outcome>()
      const options = { agent, host: '127.0.0.1', port, path: '/check', headers: headersOf(path) }
      const request = http.get(options, (response) => {
        clearTimeout(patience)
        response.on('end', () => resolve(httpOutcome(response)))
        response.resume()
      })
      const patience = setTimeout(() => {
        resolve({ kind: 'late' })
        request.destroy()
      }, HTTP_PATIENCE_MS)
      request.on('error', (error) => {
        clearTimeout(patience)
        resolve({ kind: 'strange', what: error.message })
      })
      return promise
    },
    async [Symbol.asyncDispose]() {
      agent.destroy()
    },
  }
}

function httpOutcome({ statusCode, headers }: http.IncomingMessage): Outcome {
  if (statusCode === 503 && headers['retry-after'] !== undefined) return { kind: 'shed' }
  if (headers['x-verdict-reason'] === 'deadline_exceeded') return { kind: 'late' }
  const id = headers['x-verdict-decision-id']
  if ((statusCode !== 200 && statusCode !== 403) || typeof id !== 'string') {
    return { kind: 'strange', what: `status ${statusCode}` }
  }
  return { kind: 'answered', allowed: statusCode === 200, id }
}
