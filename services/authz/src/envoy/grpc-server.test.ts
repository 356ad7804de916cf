import http2 from 'node:http2'
import { Client, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js'
import { waitFor } from '@verdict/kit'
import { afterEach, expect, test } from 'vitest'
import type { UnaryCall, UnaryHandler } from './grpc-call.ts'
import { frameMessage } from './grpc-frame.ts'
import { GrpcServer } from './grpc-server.ts'
import { GrpcError } from './grpc-status.ts'

const MESSAGE_MAX = 64 * 1024
const ECHO = '/test.Test/Echo'
const WAIT = '/test.Test/Wait'

const cleanups: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

test('grpc-js gets its message back', async () => {
  const { client } = await serve({ [ECHO]: (message) => message })
  expect(await unary(client, ECHO, Buffer.from('hello'))).toEqual(Buffer.from('hello'))
  expect(await unary(client, ECHO, Buffer.alloc(0))).toEqual(Buffer.alloc(0))
})

test('a message that came in many pieces is put together', async () => {
  const { client } = await serve({ [ECHO]: async (message) => message })
  const large = Buffer.alloc(MESSAGE_MAX, 'abcdefg')
  expect(await unary(client, ECHO, large)).toEqual(large)
})

test('a thousand calls at once are all answered', async () => {
  const { client } = await serve({ [ECHO]: async (message) => message })
  const calls = Array.from({ length: 1_000 }, (_, i) => unary(client, ECHO, Buffer.from(`${i}`)))
  const answers = await Promise.all(calls)
  expect(answers.map(String)).toEqual(answers.map((_, i) => `${i}`))
})

test('the status, message and push-back of a refusal arrive as they were thrown', async () => {
  const { client } = await serve({
    [ECHO]: () => {
      throw new GrpcError('resource_exhausted', 'zu viel: 100 % – später', { retryAfterMs: 250 })
    },
  })
  const error = await failure(unary(client, ECHO, Buffer.from('x')))
  expect(error.code).toBe(status.RESOURCE_EXHAUSTED)
  expect(error.details).toBe('zu viel: 100 % – später')
  expect(error.metadata.get('grpc-retry-pushback-ms')).toEqual(['250'])
  expect(error.metadata.get('retry-after')).toEqual(['1'])
})

test('an error that is no refusal is INTERNAL, and is told to the owner', async () => {
  const faults: unknown[] = []
  const handler = async (): Promise<Uint8Array> => {
    throw new TypeError('broken')
  }
  const { client } = await serve({ [ECHO]: handler }, { onFault: (error) => faults.push(error) })
  expect((await failure(unary(client, ECHO, Buffer.from('x')))).code).toBe(status.INTERNAL)
  expect(faults).toEqual([new TypeError('broken')])
})

test('an unknown method is UNIMPLEMENTED', async () => {
  const { client } = await serve({ [ECHO]: (message) => message })
  const error = await failure(unary(client, '/test.Test/Other', Buffer.from('x')))
  expect(error.code).toBe(status.UNIMPLEMENTED)
  expect(error.details).toContain('/test.Test/Other')
})

test('a message above the limit is RESOURCE_EXHAUSTED', async () => {
  const { client } = await serve({ [ECHO]: (message) => message })
  const error = await failure(unary(client, ECHO, Buffer.alloc(MESSAGE_MAX + 1)))
  expect(error.code).toBe(status.RESOURCE_EXHAUSTED)
})

test('an answer above the limit is RESOURCE_EXHAUSTED, and is told to the owner', async () => {
  const faults: unknown[] = []
  const { client } = await serve(
    { [ECHO]: (message) => message },
    { answerBytesMax: 10, onFault: (error) => faults.push(error) },
  )
  expect(await unary(client, ECHO, Buffer.alloc(10))).toEqual(Buffer.alloc(10))
  const error = await failure(unary(client, ECHO, Buffer.alloc(11)))
  expect(error.code).toBe(status.RESOURCE_EXHAUSTED)
  expect(faults).toHaveLength(1)
})

test('a call past its deadline is DEADLINE_EXCEEDED, and its handler can see that', async () => {
  const calls: UnaryCall[] = []
  const { port } = await serve({ [WAIT]: (_message, call) => pending(calls, call) })
  const answer = await raw(port, { 'grpc-timeout': '20m' }, frameMessage(Buffer.from('x')), WAIT)
  expect(answer.headers['grpc-status']).toBe(String(status.DEADLINE_EXCEEDED))
  expect(calls).toHaveLength(1)
  expect(calls[0]?.gone).toBe(true)
})

test('an answer that is late by the clock is none, though no timer could fire', async () => {
  const { port } = await serve({
    [ECHO]: (message, call) => {
      // As a policy does that takes long: nothing else runs.
      while (!call.gone);
      return message
    },
  })
  const answer = await raw(port, { 'grpc-timeout': '20m' }, frameMessage(Buffer.from('x')))
  expect(answer.headers['grpc-status']).toBe(String(status.DEADLINE_EXCEEDED))
})

test('a handler can see until when the client waits', async () => {
  const deadlines: (number | undefined)[] = []
  const { port } = await serve({
    [ECHO]: (message, call) => {
      deadlines.push(call.deadlineMs)
      return message
    },
  })
  const sentMs = performance.now()
  await raw(port, { 'grpc-timeout': '60S' }, frameMessage(Buffer.from('x')))
  await raw(port, {}, frameMessage(Buffer.from('x')))
  expect(deadlines[0]).toBeGreaterThan(sentMs + 60_000)
  expect(deadlines[0]).toBeLessThanOrEqual(performance.now() + 60_000)
  expect(deadlines[1]).toBeUndefined()
})

test('a handler can see that the client has reset the stream', async () => {
  const calls: UnaryCall[] = []
  const { client, server } = await serve({ [WAIT]: (_message, call) => pending(calls, call) })
  const call = client.makeUnaryRequest(WAIT, identity, identity, Buffer.from('x'), () => undefined)
  await waitFor(() => calls.length === 1, { deadlineMs: 5_000, what: 'the call' })
  expect(calls[0]?.gone).toBe(false)
  call.cancel()
  await waitFor(() => calls[0]?.gone, { deadlineMs: 5_000, what: 'the cancellation' })
  await waitFor(() => server.calls === 0, { deadlineMs: 5_000, what: 'the call to be let go' })
})

test('resets by the thousand leave the connection open, and it works on', async () => {
  const { port } = await serve({
    [WAIT]: () => Promise.withResolvers<Uint8Array>().promise,
    [ECHO]: (message) => message,
  })
  const session = connect(port)
  const goaways: unknown[] = []
  session.on('goaway', (code) => goaways.push(code))
  const resets = Array.from({ length: 3_000 }, () => {
    const stream = session.request({ ...POST, ':path': WAIT })
    stream.on('error', () => undefined)
    stream.close(http2.constants.NGHTTP2_CANCEL)
    return new Promise((resolve) => stream.once('close', resolve))
  })
  await Promise.all(resets)
  // As long as the server holds as many streams as it takes, it refuses one more.
  const answer = await waitFor(
    async () => {
      const stream = session.request({ ...POST, ':path': ECHO })
      stream.end(frameMessage(Buffer.from('still here')))
      return await collect(stream).catch(() => undefined)
    },
    { deadlineMs: 5_000, what: 'an answer' },
  )
  expect(answer.subarray(5).toString()).toBe('still here')
  expect(goaways).toEqual([])
})

test.each([
  ['a compressed message', Buffer.from([1, 0, 0, 0, 1, 9]), status.UNIMPLEMENTED],
  ['two messages', Buffer.from([0, 0, 0, 0, 1, 9, 0, 0, 0, 0, 1, 9]), status.UNIMPLEMENTED],
  ['no message', Buffer.alloc(0), status.UNIMPLEMENTED],
  ['half a prefix', Buffer.from([0, 0, 0]), status.INTERNAL],
  ['half a message', Buffer.from([0, 0, 0, 0, 9, 1, 2]), status.INTERNAL],
  ['a length of 4 GiB', Buffer.from([0, 255, 255, 255, 255, 1]), status.RESOURCE_EXHAUSTED],
])('%s gets its status', async (_name, bytes, expected) => {
  const { port } = await serve({ [ECHO]: (message) => message })
  const answer = await raw(port, {}, bytes)
  expect(answer.headers[':status']).toBe(200)
  expect(answer.headers['grpc-status']).toBe(String(expected))
})

test('who sends a compressed message is told that only identity is taken', async () => {
  const { port } = await serve({ [ECHO]: (message) => message })
  const compressed = Buffer.from([1, 0, 0, 0, 1, 9])
  const answer = await raw(port, { 'grpc-encoding': 'gzip' }, compressed)
  expect(answer.headers['grpc-status']).toBe(String(status.UNIMPLEMENTED))
  expect(answer.headers['grpc-accept-encoding']).toBe('identity')
})

test('bytes that come one by one are put together', async () => {
  const { port } = await serve({ [ECHO]: (message) => message })
  const stream = connect(port).request({ ...POST, ':path': ECHO })
  for (const byte of frameMessage(Buffer.from('slow'))) {
    await new Promise((resolve) => stream.write(Buffer.from([byte]), resolve))
  }
  stream.end()
  const [body, trailers] = await Promise.all([collect(stream), once(stream, 'trailers')])
  expect(body.subarray(5).toString()).toBe('slow')
  expect(trailers).toMatchObject({ 'grpc-status': '0' })
})

test('a request that stops half-way is ended', async () => {
  const { port, server } = await serve({ [ECHO]: (m) => m }, { receiveTimeoutMs: 50 })
  const stream = connect(port).request({ ...POST, ':path': ECHO })
  stream.write(Buffer.from([0, 0]))
  const headers = await once(stream, 'response')
  expect(headers).toMatchObject({ 'grpc-status': String(status.DEADLINE_EXCEEDED) })
  await waitFor(() => server.calls === 0, { deadlineMs: 5_000, what: 'the call to be let go' })
})

test.each([
  ['PUT', { ':method': 'PUT' }, 405],
  ['a content type that is not gRPC', { 'content-type': 'application/json' }, 415],
  ['gRPC-Web', { 'content-type': 'application/grpc-web' }, 415],
])('%s is refused as HTTP', async (_name, headers, expected) => {
  const { port } = await serve({ [ECHO]: (message) => message })
  const answer = await raw(port, headers, Buffer.alloc(0))
  expect(answer.headers[':status']).toBe(expected)
})

test('a malformed timeout is refused', async () => {
  const { port } = await serve({ [ECHO]: (message) => message })
  const answer = await raw(port, { 'grpc-timeout': '1 minute' }, frameMessage(Buffer.from('x')))
  expect(answer.headers['grpc-status']).toBe(String(status.INTERNAL))
})

test('a stop answers what was begun, and tells the client to go elsewhere', async () => {
  const release = Promise.withResolvers<Uint8Array>()
  const { port, server } = await serve({ [WAIT]: () => release.promise })
  const session = connect(port)
  const goaway = once(session, 'goaway')
  const stream = session.request({ ...POST, ':path': WAIT })
  stream.end(frameMessage(Buffer.from('x')))
  await waitFor(() => server.calls === 1, { deadlineMs: 5_000, what: 'the call' })
  const stopped = server.stop(5_000)
  expect(await goaway).toBe(http2.constants.NGHTTP2_NO_ERROR)
  release.resolve(Buffer.from('late'))
  const [body, trailers] = await Promise.all([collect(stream), once(stream, 'trailers')])
  expect(body.subarray(5).toString()).toBe('late')
  expect(trailers).toMatchObject({ 'grpc-status': '0' })
  await stopped
})

test('a stop does not wait for a handler for ever', async () => {
  const { port, server } = await serve({
    [WAIT]: () => Promise.withResolvers<Uint8Array>().promise,
  })
  const stream = connect(port).request({ ...POST, ':path': WAIT })
  stream.on('error', () => undefined)
  stream.end(frameMessage(Buffer.from('x')))
  await waitFor(() => server.calls === 1, { deadlineMs: 5_000, what: 'the call' })
  await server.stop(50)
  await waitFor(() => stream.closed, { deadlineMs: 5_000, what: 'the stream to end' })
})

const POST = { ':method': 'POST', 'content-type': 'application/grpc', te: 'trailers' }

async function serve(
  methods: Record<string, UnaryHandler>,
  options: {
    answerBytesMax?: number
    onFault?: (error: unknown) => void
    receiveTimeoutMs?: number
  } = {},
) {
  const onFault = (error: unknown): never => {
    throw error
  }
  const server = new GrpcServer({ methods, messageBytesMax: MESSAGE_MAX, onFault, ...options })
  const port = await server.listen({ host: '127.0.0.1', port: 0 })
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure())
  cleanups.push(() => server.stop(0))
  cleanups.push(() => client.close())
  return { server, port, client }
}

function connect(port: number): http2.ClientHttp2Session {
  const session = http2.connect(`http://127.0.0.1:${port}`)
  session.on('error', () => undefined)
  cleanups.push(() => session.destroy())
  return session
}

function unary(client: Client, path: string, message: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const done = (error: ServiceError | null, answer?: Buffer): void =>
      error === null ? resolve(answer ?? Buffer.alloc(0)) : reject(error)
    client.makeUnaryRequest(path, identity, identity, message, new Metadata(), done)
  })
}

function identity(bytes: Buffer): Buffer {
  return bytes
}

async function failure(call: Promise<unknown>): Promise<ServiceError> {
  return call.then(
    () => expect.fail('the call did not fail'),
    (error: ServiceError) => error,
  )
}

function pending(calls: UnaryCall[], call: UnaryCall): Promise<Uint8Array> {
  calls.push(call)
  return Promise.withResolvers<Uint8Array>().promise
}

async function raw(port: number, headers: object, body: Buffer, path = ECHO) {
  const stream = connect(port).request({ ...POST, ':path': path, ...headers })
  const answered = once(stream, 'response')
  stream.on('error', () => undefined)
  stream.end(body)
  stream.resume()
  return { headers: (await answered) as http2.IncomingHttpHeaders }
}

async function collect(stream: http2.ClientHttp2Stream): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

/** The first argument of the next event of this name. */
function once(emitter: NodeJS.EventEmitter, event: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    emitter.once(event, resolve)
    emitter.once('error', reject)
  })
}
