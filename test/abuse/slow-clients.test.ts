import { connect, type Socket } from 'node:net'
import { waitFor } from '@verdict/kit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Abused, DEADLINE_MS } from './abused.ts'
import { call, check, checkQuestion, message } from './check-question.ts'
import { Flag, frame, PREFACE, Reason, Setting, settings, Type, Wire } from './http2-wire.ts'

/**
 * Clients that leave something hanging. What they may take is RECEIVE_TIMEOUT_MS over gRPC and
 * REQUEST_TIMEOUT_MS over HTTP, both 10 s, so that all of them are served at the same time.
 */

const CLIENTS = 20

let abused: Abused
beforeAll(async () => {
  abused = await Abused.start()
})
afterAll(async () => {
  await abused.answersOthers()
  await abused[Symbol.asyncDispose]()
})

/** As many clients as may be, each on a connection of its own. */
async function clients(work: (port: number) => Promise<void>): Promise<void> {
  await Promise.all(Array.from({ length: CLIENTS }, () => work(abused.point.grpcPort)))
  await abused.answersOthers()
}

test('a question that comes byte by byte is answered', async () => {
  await clients(async (port) => {
    using wire = await Wire.open(port)
    await wire.send(call(1))
    for (const byte of message(checkQuestion())) {
      await wire.send(frame(Type.data, 0, 1, Buffer.from([byte])))
    }
    await wire.send(frame(Type.data, Flag.endStream, 1))
    await wire.frame('an answer', ({ type }) => type === Type.data)
  })
})

test('memory is flat, however many questions are begun and left, by gRPC and by HTTP', async () => {
  const lines = ['POST /check/a HTTP/1.1', 'host: a', 'content-length: 999999', '', '']
  await abused.staysFlat(async () => {
    const wires = await Promise.all(
      Array.from({ length: CLIENTS }, () => Wire.open(abused.point.grpcPort)),
    )
    for (const wire of wires) {
      await wire.send(call(1), frame(Type.data, 0, 1, message(checkQuestion()).subarray(0, 40)))
    }
    const sockets = wires.map(() => overHttp(...lines, 'x'.repeat(50_000)))
    await abused.answersOthers()
    for (const wire of wires) wire[Symbol.dispose]()
    for (const socket of sockets) socket.destroy()
  })
})

test.concurrent('a question that does not go on is DEADLINE_EXCEEDED', async () => {
  await clients(async (port) => {
    using wire = await Wire.open(port)
    await wire.send(call(1), frame(Type.data, 0, 1, Buffer.from([0, 0])))
    await wire.frame('its end', ({ type, flags, stream }) => {
      return stream === 1 && type === Type.headers && (flags & Flag.endStream) !== 0
    })
    expect(wire.closed).toBe(false)
  })
})

test.concurrent('an answer for which there is no window ends as CANCEL, all 1,000 of a connection', async () => {
  const none = Buffer.concat([PREFACE, settings([Setting.initialWindowSize, 0])])
  using wire = await Wire.open(abused.point.grpcPort, none)
  await wire.send(...Array.from({ length: 1_000 }, (_, at) => check(2 * at + 1)))
  const ends = () =>
    wire.frames.filter(({ type, flags }) => {
      return type === Type.reset || (type === Type.headers && (flags & Flag.endStream) !== 0)
    })
  await waitFor(() => ends().length >= 1_000, { deadlineMs: DEADLINE_MS, what: 'all to end' })
  const resets = ends().filter(({ type }) => type === Type.reset)
  expect(resets.length).toBeGreaterThan(0)
  expect(new Set(resets.map(({ payload }) => payload.readUInt32BE()))).toEqual(
    new Set([Reason.cancel]),
  )
  expect(wire.closed).toBe(false)
})

test.concurrent('connections that say nothing, or half a preface, are closed', async () => {
  const words = [Buffer.alloc(0), PREFACE.subarray(0, 9)]
  await clients(async (port) => {
    const wires = await Promise.all(words.map((word) => Wire.open(port, word)))
    for (const wire of wires) await wire.end()
  })
})

/** A connection to the HTTP port of authz. */
function overHttp(...lines: readonly string[]): Socket {
  const socket = connect(abused.point.process.port, '127.0.0.1')
  socket.on('error', () => undefined)
  socket.write(lines.join('\r\n'))
  return socket
}

/** Sends byte by byte until there is an answer; nothing where a write came before it. */
async function trickle(socket: Socket): Promise<string> {
  const timer = setInterval(() => socket.write('x'), 250)
  let answer = ''
  socket.on('data', (chunk) => {
    clearInterval(timer)
    answer += chunk.toString('latin1')
  })
  return await new Promise((resolve) => {
    socket.on('close', () => {
      clearInterval(timer)
      resolve(answer)
    })
  })
}

test.concurrent.each([
  ['headers', ['GET /check/a HTTP/1.1', 'host: a', 'x-slow: ']],
  ['a body', ['POST /check/a HTTP/1.1', 'host: a', 'content-length: 999999', '', '']],
])('%s that come byte by byte over HTTP are 408 after 10 s', async (_what, lines) => {
  const asked = Array.from({ length: CLIENTS }, () => trickle(overHttp(...lines)))
  const answers = (await Promise.all(asked)).filter((answer) => answer !== '')
  expect(answers.length).toBeGreaterThan(0)
  for (const answer of answers) expect(answer).toMatch(/^HTTP\/1\.1 408 /)
})

test('a gateway that reads no answer holds no more than the system does', async () => {
  const question = `GET /check/a HTTP/1.1\r\nhost: a\r\nx-large: ${'x'.repeat(500)}\r\n\r\n`
  const sockets = Array.from({ length: CLIENTS }, () => overHttp(question.repeat(100)).pause())
  await abused.answersOthers()
  expect(abused.residentMegabytes).toBeLessThan(1_024)
  for (const socket of sockets) socket.destroy()
})
