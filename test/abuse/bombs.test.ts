import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Abused } from './abused.ts'
import { call, checkQuestion, field, message, type Question } from './check-question.ts'
import { Flag, frame, Type, Wire } from './http2-wire.ts'

/** Questions that are small to send and large to read; and HTTP that is none. */

const JSON_TYPE = [['content-type', 'application/json']] as const
const FORM_TYPE = [['content-type', 'application/x-www-form-urlencoded']] as const
const PARTS_TYPE = [['content-type', 'multipart/form-data; boundary=X']] as const
const PART = '--X\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n'
/** Frames of the default size, within the window of a stream. */
const FRAME_BYTES = 16_000

let abused: Abused
beforeAll(async () => {
  abused = await Abused.start()
})
afterAll(async () => {
  await abused[Symbol.asyncDispose]()
})

/** The CheckResponse to a question, as its bytes. */
async function answerTo(question: Question): Promise<string> {
  const bytes = message(checkQuestion(question))
  using wire = await Wire.open(abused.point.grpcPort)
  await wire.send(call(1))
  for (let at = 0; at < bytes.length; at += FRAME_BYTES) {
    await wire.window(1, at + FRAME_BYTES)
    await wire.send(frame(Type.data, 0, 1, bytes.subarray(at, at + FRAME_BYTES)))
  }
  await wire.send(frame(Type.data, Flag.endStream, 1))
  const { payload } = await wire.frame('an answer', ({ type }) => type === Type.data)
  return payload.toString('latin1')
}

test.each<[what: string, question: Question, answer: RegExp]>([
  [
    'JSON nested 100,000 deep',
    { body: '['.repeat(100_000), headers: JSON_TYPE },
    /exceeded max depth/,
  ],
  [
    '60,000 parts',
    { body: `${PART.repeat(60_000)}--X--`, headers: PARTS_TYPE },
    /message too large/,
  ],
  [
    'a form of 1,000,000 fields',
    { body: 'a&'.repeat(1_000_000), headers: FORM_TYPE },
    /request_parse_error/,
  ],
  [
    'a query of 1,000,000 parameters',
    { path: `/a?${'a&'.repeat(1_000_000)}` },
    /request_parse_error/,
  ],
  ['a path of 100,000 segments', { path: `/a${'/a'.repeat(100_000)}` }, /./],
])('%s is answered, and the answer is right', async (_what, question, answer) => {
  await abused.staysFlat(async () => {
    expect(await answerTo(question)).toMatch(answer)
  })
})

test('gRPC metadata and messages within messages are bounded by their depth', async () => {
  let nested: Buffer = field(3, 'x')
  for (let at = 0; at < 99; at++) nested = field(6, field(1, nested))
  const struct = field(1, field(1, 'a'), field(2, nested))
  using wire = await Wire.open(abused.point.grpcPort)
  const question = checkQuestion({ metadata: field(1, field(1, 'a'), field(2, struct)) })
  await wire.send(call(1), frame(Type.data, Flag.endStream, 1, message(question)))
  await wire.frame('a refusal', ({ type, flags }) => {
    return type === Type.headers && (flags & Flag.endStream) !== 0
  })
})

/** The answer to bytes over HTTP. */
async function overHttp(...lines: readonly string[]): Promise<string> {
  const socket = connect(abused.point.process.port, '127.0.0.1')
  socket.on('error', () => undefined)
  socket.write([...lines, 'connection: close', '', ''].join('\r\n'))
  return await text(socket).catch(() => '')
}

test.each<[what: string, status: number, lines: readonly string[]]>([
  [
    'headers of more than 64 KiB',
    431,
    ['GET /check/a HTTP/1.1', 'host: a', `x: ${'x'.repeat(70_000)}`],
  ],
  [
    'more than 200 headers',
    431,
    ['GET /check/a HTTP/1.1', 'host: a', ...Array.from({ length: 199 }, (_, at) => `x-${at}: a`)],
  ],
  ['a path of more than 64 KiB', 431, [`GET /check/${'a'.repeat(70_000)} HTTP/1.1`, 'host: a']],
  ['a header without a name', 400, ['GET /check/a HTTP/1.1', 'host: a', ': a']],
  [
    'a length beside chunks',
    400,
    ['POST /check/a HTTP/1.1', 'host: a', 'content-length: 1', 'transfer-encoding: chunked'],
  ],
  [
    'two lengths',
    400,
    ['POST /check/a HTTP/1.1', 'host: a', 'content-length: 1', 'content-length: 2'],
  ],
  [
    'a body of more than 4 MiB',
    413,
    ['POST /check/a HTTP/1.1', 'host: a', 'content-length: 4194305'],
  ],
  ['a method that is none', 400, ['A<B /check/a HTTP/1.1', 'host: a']],
  ['no host', 400, ['GET /check/a HTTP/1.1']],
])('%s over HTTP: %i', async (_what, status, lines) => {
  await abused.staysFlat(async () => {
    expect(await overHttp(...lines)).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
  })
})
