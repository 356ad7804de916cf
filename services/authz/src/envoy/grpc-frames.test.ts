import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { waitFor } from '@verdict/kit'
import { afterEach, expect, test } from 'vitest'
import { frameMessage } from './grpc-frame.ts'
import { GrpcServer } from './grpc-server.ts'

/** What no library would send: frames of HTTP/2, byte by byte (RFC 9113, section 4.1). */

const Type = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goaway: 7, continuation: 9 }
const END_STREAM = 0x1
const END_HEADERS = 0x4
const DEADLINE_MS = 10_000
const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
const METHOD = '/test.Test/Echo'

const resources: AsyncDisposable[] = []
afterEach(async () => {
  for (const resource of resources.splice(0).reverse()) await resource[Symbol.asyncDispose]()
})

interface Frame {
  readonly type: number
  readonly stream: number
  readonly payload: Buffer
}

async function setUp(): Promise<{ socket: Socket; frames: Frame[]; server: GrpcServer }> {
  const server = new GrpcServer({ methods: { [METHOD]: (message) => message }, onFault: () => {} })
  const port = await server.listen({ host: '127.0.0.1', port: 0 })
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  resources.push({ [Symbol.asyncDispose]: () => server.stop(0) })
  resources.push({
    async [Symbol.asyncDispose]() {
      socket.destroy()
    },
  })
  const frames: Frame[] = []
  let rest = Buffer.alloc(0)
  socket.on('data', (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk])
    while (rest.length >= 9 && rest.length >= 9 + rest.readUIntBE(0, 3)) {
      const end = 9 + rest.readUIntBE(0, 3)
      frames.push({
        type: rest[3] ?? 0,
        stream: rest.readUInt32BE(5),
        payload: rest.subarray(9, end),
      })
      rest = rest.subarray(end)
    }
  })
  socket.write(Buffer.concat([PREFACE, frame(Type.settings, 0, 0)]))
  return { socket, frames, server }
}

function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Uint8Array = Buffer.alloc(0),
): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head[3] = type
  head[4] = flags
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}

/** `:method`, `:scheme`, `:path`, `:authority`, each as short as may be (RFC 7541, section 6). */
const PSEUDO_HEADERS = Buffer.concat([
  Buffer.from([0x83, 0x86, 0x04, METHOD.length]),
  Buffer.from(METHOD),
  Buffer.from([0x01, 1, 0x61]),
])

/** A call of the method, up to its message. */
function request(stream: number): Buffer {
  const type = Buffer.from('application/grpc')
  const block = Buffer.concat([PSEUDO_HEADERS, Buffer.from([0x0f, 0x10, type.length]), type])
  return frame(Type.headers, END_HEADERS, stream, block)
}

async function answered(frames: readonly Frame[], stream: number): Promise<Buffer> {
  const data = await waitFor(
    () => frames.find((one) => one.type === Type.data && one.stream === stream),
    { deadlineMs: DEADLINE_MS, what: `data on stream ${stream}` },
  )
  return data.payload
}

test('a message in several DATA frames is put together', async () => {
  const { socket, frames } = await setUp()
  const message = frameMessage(Buffer.from('pieces'))
  socket.write(request(1))
  for (const byte of message) socket.write(frame(Type.data, 0, 1, Buffer.from([byte])))
  socket.write(frame(Type.data, END_STREAM, 1))
  expect(await answered(frames, 1)).toEqual(message)
})

test('streams of one connection are answered each on its own', async () => {
  const { socket, frames } = await setUp()
  const message = (stream: number) => frameMessage(Buffer.from(`stream ${stream}`))
  const streams = [1, 3, 5, 7]
  socket.write(Buffer.concat(streams.map((stream) => request(stream))))
  for (const stream of streams.toReversed()) {
    socket.write(frame(Type.data, END_STREAM, stream, message(stream)))
  }
  for (const stream of streams) expect(await answered(frames, stream)).toEqual(message(stream))
})

test('thousands of streams that are begun and reset leave the connection open', async () => {
  const { socket, frames, server } = await setUp()
  const cancel = Buffer.from([0, 0, 0, 8])
  const burst: Buffer[] = []
  for (let stream = 1; stream < 10_001; stream += 2) {
    burst.push(request(stream), frame(Type.reset, 0, stream, cancel))
  }
  const message = frameMessage(Buffer.from('after'))
  burst.push(request(10_001), frame(Type.data, END_STREAM, 10_001, message))
  socket.write(Buffer.concat(burst))
  const answer = await waitFor(
    () => frames.find((one) => one.stream === 10_001 || one.type === Type.goaway),
    { deadlineMs: DEADLINE_MS, what: 'an answer behind the burst' },
  )
  expect(answer.type).not.toBe(Type.goaway)
  await waitFor(() => server.calls === 0, { deadlineMs: DEADLINE_MS, what: 'the calls to end' })
})

test.each([
  ['data on a stream that was never begun', frame(Type.data, END_STREAM, 1, Buffer.from('x'))],
  ['headers that can not be unpacked', frame(Type.headers, END_HEADERS, 1, Buffer.alloc(9, 0xff))],
  ['a frame that is larger than was agreed', frame(Type.data, 0, 1, Buffer.alloc(20_000))],
  ['a continuation of nothing', frame(Type.continuation, END_HEADERS, 1)],
  ['something else than HTTP/2', Buffer.from('GET / HTTP/1.1\r\nhost: x\r\n\r\n'.repeat(9))],
])('%s ends the connection, and no other', async (_name, bytes) => {
  const { socket, server } = await setUp()
  const closed = once(socket, 'close')
  socket.write(bytes)
  await closed
  expect(server.calls).toBe(0)
})

test('headers beyond the limit end their stream, and no other', async () => {
  const { socket, frames } = await setUp()
  // One name and value, packed once and then repeated by its number.
  const bomb = Buffer.concat([
    PSEUDO_HEADERS,
    Buffer.from([0x40, 1, 0x78, 100]),
    Buffer.alloc(100, 0x61),
    Buffer.alloc(5_000, 0xbe),
  ])
  socket.write(frame(Type.headers, END_HEADERS | END_STREAM, 1, bomb))
  const reset = await waitFor(() => frames.find(({ stream }) => stream === 1), {
    deadlineMs: DEADLINE_MS,
    what: 'the end of the stream',
  })
  expect([Type.reset, Type.headers]).toContain(reset.type)
  const message = frameMessage(Buffer.from('alive'))
  socket.write(Buffer.concat([request(3), frame(Type.data, END_STREAM, 3, message)]))
  expect(await answered(frames, 3)).toEqual(message)
})
