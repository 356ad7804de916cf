import { once } from 'node:events'
import http2 from 'node:http2'
import { waitFor } from '@verdict/kit'
import { afterEach, expect, test } from 'vitest'
import { FrameReader } from './frame-reader.ts'
import { frameMessage } from './grpc-frame.ts'
import { GrpcServer } from './grpc-server.ts'
import { GrpcError, GrpcStatus } from './grpc-status.ts'
import { STREAM_MESSAGE_BYTES_MAX, type StreamHandler } from './stream-call.ts'
import { STREAM_CALLS_MAX, STREAM_CALLS_PER_CONNECTION_MAX } from './stream-calls.ts'

const ECHO = '/test.Test/EchoAll'
const DEADLINE = { deadlineMs: 10_000 }
const POST = { ':method': 'POST', 'content-type': 'application/grpc', te: 'trailers' }

const cleanups: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

/** Each message comes back `times`; the end of the client is the end of the stream. */
function echo(times = 1): { handler: StreamHandler; taken: () => number } {
  let taken = 0
  const handler: StreamHandler = (client) => ({
    message(message) {
      taken += 1
      if (message.toString() === 'refuse') throw new GrpcError('not_found', 'no such thing: ä')
      if (message.toString() === 'break') throw new TypeError('broken')
      for (let n = 0; n < times; n++) client.send(message)
    },
    finished: () => client.end(),
  })
  return { handler, taken: () => taken }
}

test('messages are answered as they come, however they are cut', async () => {
  const { port } = await serve(echo().handler)
  const call = open(connect(port))
  const bytes = Buffer.concat(['one', '', 'three'].map((text) => frameMessage(Buffer.from(text))))
  for (const byte of bytes) call.stream.write(Buffer.from([byte]))
  await waitFor(() => call.messages().length === 3, { ...DEADLINE, what: 'three answers' })
  expect(call.messages()).toEqual(['one', '', 'three'])
  call.stream.end()
  expect(await call.status()).toBe(GrpcStatus.ok)
})

test('a handler ends the stream by what it throws', async () => {
  const faults: unknown[] = []
  const { port } = await serve(echo().handler, { onFault: (error) => faults.push(error) })
  const session = connect(port)
  const refused = open(session)
  refused.stream.write(frameMessage(Buffer.from('first')))
  refused.stream.write(frameMessage(Buffer.from('refuse')))
  expect(await refused.status()).toBe(GrpcStatus.not_found)
  expect(refused.messages()).toEqual(['first'])
  const broken = open(session)
  broken.stream.write(frameMessage(Buffer.from('break')))
  expect(await broken.status()).toBe(GrpcStatus.internal)
  expect(faults).toEqual([new TypeError('broken')])
})

test.each([
  ['compressed', Buffer.from([1, 0, 0, 0, 1, 9]), 'unimplemented'],
  ['too long', Buffer.from([0, 0, 1, 0, 0]), 'resource_exhausted'],
  ['cut off', Buffer.from([0, 0, 0, 0, 9, 1]), 'internal'],
] as const)('a message that is %s has its status', async (_name, bytes, expected) => {
  const { port, server } = await serve(echo().handler)
  const call = open(connect(port))
  call.stream.end(bytes)
  expect(await call.status()).toBe(GrpcStatus[expected])
  await waitFor(() => server.calls === 0, { ...DEADLINE, what: 'the call to be let go' })
})

test('a deadline ends a stream, and who asks nothing is ended too', async () => {
  const { port, server } = await serve(echo().handler, { receiveTimeoutMs: 100 })
  const session = connect(port)
  const late = open(session, { 'grpc-timeout': '20m' })
  late.stream.write(frameMessage(Buffer.from('x')))
  expect(await late.status()).toBe(GrpcStatus.deadline_exceeded)
  expect(await open(session, { 'grpc-timeout': 'soon' }).status()).toBe(GrpcStatus.internal)
  expect(await open(session).status()).toBe(GrpcStatus.deadline_exceeded)
  await waitFor(() => server.calls === 0, { ...DEADLINE, what: 'the calls to be let go' })
})

test('of a client that does not read nothing more is read, and in the end it is cut off', async () => {
  const { handler, taken } = echo(100)
  const { port, server } = await serve(handler, { receiveTimeoutMs: 300 })
  const session = connect(port)
  const { stream } = open(session)
  stream.pause()
  stream.removeAllListeners('data')
  const message = frameMessage(Buffer.alloc(1_000, 'x'))
  // 64 MB of answers are asked for; the window of the client is 64 KiB.
  for (let n = 0; n < 640; n++) stream.write(message)
  await waitFor(() => stream.closed, { ...DEADLINE, what: 'the end of the stream' })
  expect(stream.rstCode).toBe(http2.constants.NGHTTP2_ENHANCE_YOUR_CALM)
  expect(taken()).toBeLessThan(10)
  await waitFor(() => server.calls === 0, { ...DEADLINE, what: 'the call to be let go' })
})

test('a client that reads again gets all of it', async () => {
  const { port } = await serve(echo(100).handler)
  const call = open(connect(port))
  call.stream.pause()
  const message = frameMessage(Buffer.alloc(1_000, 'x'))
  for (let n = 0; n < 20; n++) call.stream.write(message)
  call.stream.end()
  await once(call.stream, 'response')
  call.stream.resume()
  expect(await call.status()).toBe(GrpcStatus.ok)
  expect(call.messages()).toHaveLength(2_000)
})

test('a connection has so many streams, and those that end make room', async () => {
  const { port, server } = await serve(echo().handler)
  const session = connect(port)
  const calls = Array.from({ length: STREAM_CALLS_PER_CONNECTION_MAX }, () => open(session))
  await waitFor(() => server.calls === calls.length, { ...DEADLINE, what: 'all streams' })
  const beyond = await Promise.all(Array.from({ length: 500 }, () => open(session).status()))
  expect(new Set(beyond)).toEqual(new Set([GrpcStatus.resource_exhausted]))
  calls[0]?.stream.end()
  expect(await calls[0]?.status()).toBe(GrpcStatus.ok)
  const next = open(session)
  next.stream.end(frameMessage(Buffer.from('again')))
  expect(await next.status()).toBe(GrpcStatus.ok)
})

test('all connections together have so many streams', async () => {
  const { port, server } = await serve(echo().handler)
  const sessions = STREAM_CALLS_MAX / STREAM_CALLS_PER_CONNECTION_MAX
  for (let n = 0; n < sessions; n++) {
    const session = connect(port)
    for (let i = 0; i < STREAM_CALLS_PER_CONNECTION_MAX; i++) open(session)
  }
  await waitFor(() => server.calls === STREAM_CALLS_MAX, { ...DEADLINE, what: 'all streams' })
  expect(await open(connect(port)).status()).toBe(GrpcStatus.resource_exhausted)
})

test('a stop ends the streams at once, with a status', async () => {
  const { port, server } = await serve(echo().handler)
  const call = open(connect(port))
  call.stream.write(frameMessage(Buffer.from('x')))
  await waitFor(() => call.messages().length === 1, { ...DEADLINE, what: 'an answer' })
  const stopped = server.stop(60_000)
  expect(await call.status()).toBe(GrpcStatus.unavailable)
  await stopped
})

test('the reader takes whole messages only', () => {
  const reader = new FrameReader(STREAM_MESSAGE_BYTES_MAX)
  reader.add(Buffer.concat([frameMessage(Buffer.from('a')), Buffer.from([0, 0])]))
  expect(String(reader.next())).toBe('a')
  expect(reader.next()).toBeUndefined()
  expect(reader.isEmpty).toBe(false)
  reader.add(Buffer.from([0, 0, 0]))
  expect(reader.next()).toEqual(Buffer.alloc(0))
  expect(reader.isEmpty).toBe(true)
})

async function serve(
  handler: StreamHandler,
  options: { onFault?: (error: unknown) => void; receiveTimeoutMs?: number } = {},
) {
  const onFault = (error: unknown): never => {
    throw error
  }
  const server = new GrpcServer({ methods: {}, streams: { [ECHO]: handler }, onFault, ...options })
  const port = await server.listen({ host: '127.0.0.1', port: 0 })
  cleanups.push(() => server.stop(0))
  return { server, port }
}

function connect(port: number): http2.ClientHttp2Session {
  const session = http2.connect(`http://127.0.0.1:${port}`)
  session.on('error', () => undefined)
  cleanups.push(() => session.destroy())
  return session
}

function open(session: http2.ClientHttp2Session, headers: object = {}) {
  const stream = session.request({ ...POST, ':path': ECHO, ...headers })
  stream.on('error', () => undefined)
  const reader = new FrameReader(STREAM_MESSAGE_BYTES_MAX)
  const messages: string[] = []
  stream.on('data', (chunk: Buffer) => {
    reader.add(chunk)
    for (let next = reader.next(); next !== undefined; next = reader.next()) {
      messages.push(next.toString())
    }
  })
  const { promise, resolve } = Promise.withResolvers<number>()
  const tell = (fields: http2.IncomingHttpHeaders): void => {
    const status = fields['grpc-status']
    if (status !== undefined) resolve(Number(status))
  }
  stream.on('response', tell).on('trailers', tell)
  stream.on('close', () => resolve(-1))
  return { stream, messages: () => messages, status: () => promise }
}
