import { once } from 'node:events'
import http2 from 'node:http2'
import { waitFor } from '@verdict/kit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Abused, DEADLINE_MS } from './abused.ts'
import { call, check, checkQuestion, field, message } from './check-question.ts'
import {
  Flag,
  frame,
  headerBlock,
  packedText,
  Reason,
  Setting,
  settings,
  Type,
  Wire,
  word,
} from './http2-wire.ts'

/** Frames by the thousand, too large ones, and some that are none. */

const INTERNAL_ERROR = 2
const FLOOD = 20_000
const MIB = 1024 ** 2

let abused: Abused
beforeAll(async () => {
  abused = await Abused.start()
})
afterAll(async () => {
  await abused[Symbol.asyncDispose]()
})

function flood(one: (at: number) => Buffer): Buffer {
  return Buffer.concat(Array.from({ length: FLOOD }, (_, at) => one(at)))
}

test.each<[what: string, bytes: () => Buffer, reason: number]>([
  ['PING', () => flood(() => frame(Type.ping, 0, 0, Buffer.alloc(8))), INTERNAL_ERROR],
  ['SETTINGS', () => flood((at) => settings([Setting.headerTableSize, at])), INTERNAL_ERROR],
  [
    'CONTINUATION without an end, as in CVE-2024-27983',
    () => Buffer.concat([frame(Type.headers, 0, 1), flood(() => frame(Type.continuation, 0, 1))]),
    INTERNAL_ERROR,
  ],
  [
    'CONTINUATION with headers, without an end',
    () => {
      const more = frame(Type.continuation, 0, 1, headerBlock([['x-a', 'y'.repeat(500)]]))
      return Buffer.concat([frame(Type.headers, 0, 1), flood(() => more)])
    },
    INTERNAL_ERROR,
  ],
  [
    'WINDOW_UPDATE beyond what a window can be',
    () => flood(() => frame(Type.windowUpdate, 0, 0, word(2 ** 30))),
    Reason.flowControlError,
  ],
])('a flood of %s closes the connection', async (_what, bytes, reason) => {
  await abused.staysFlat(async () => {
    using wire = await Wire.open(abused.point.grpcPort)
    await wire.send(bytes())
    await wire.end()
    // What the server has not read when it closes makes TCP drop what it said last.
    expect([undefined, reason]).toContain(wire.goawayReason)
  })
})

test('a flood of small WINDOW_UPDATEs costs nobody anything: the next question is answered', async () => {
  await abused.staysFlat(async () => {
    using wire = await Wire.open(abused.point.grpcPort)
    await wire.send(flood(() => frame(Type.windowUpdate, 0, 0, word(1))))
    await wire.send(check(1))
    await wire.frame('an answer', ({ type, stream }) => type === Type.data && stream === 1)
  })
})

test('a flood of empty DATA is a request that does not go on, or the end of its connection', async () => {
  await abused.staysFlat(async () => {
    using wire = await Wire.open(abused.point.grpcPort)
    await wire.send(
      call(1),
      flood(() => frame(Type.data, 0, 1)),
    )
    await wire.send(frame(Type.data, Flag.endStream, 1, message(checkQuestion())))
    const ended = (): boolean => wire.closed || wire.frames.some(({ stream }) => stream === 1)
    await waitFor(ended, { deadlineMs: DEADLINE_MS, what: 'an answer, or the end' })
  })
})

test('a flood of PING whose answers are not read closes the connection', async () => {
  await abused.staysFlat(async () => {
    using wire = await Wire.open(abused.point.grpcPort)
    wire.socket.pause()
    wire.socket.write(flood(() => frame(Type.ping, 0, 0, Buffer.alloc(8))))
    wire.socket.resume()
    await wire.end()
  })
})

test('headers that unpack to a thousand times their size are the end of their stream', async () => {
  await abused.staysFlat(async () => {
    using wire = await Wire.open(abused.point.grpcPort)
    // One header of 3,000 bytes enters the table; each of 12,000 bytes that follow repeats it.
    const name = Buffer.concat([
      Buffer.from([0x40]),
      packedText('x-a'),
      packedText('y'.repeat(3_000)),
    ])
    const bomb = Buffer.concat([name, Buffer.alloc(12_000, 0xbe)])
    await wire.send(frame(Type.headers, Flag.endHeaders | Flag.endStream, 1, bomb))
    await wire.frame('the end of the stream or connection', ({ type, stream }) => {
      return type === Type.goaway || (stream === 1 && type === Type.reset)
    })
  })
})

test.each<[what: string, headers: readonly (readonly [string, string])[]]>([
  ['more than 128', Array.from({ length: 200 }, (_, at) => [`x-${at}`, 'a'] as const)],
  [
    'more than 64 KiB',
    Array.from({ length: 9 }, (_, at) => [`x-${at}`, 'a'.repeat(8_000)] as const),
  ],
])('%s headers are the end of their stream, and of no other', async (_what, headers) => {
  await abused.staysFlat(async () => {
    using wire = await Wire.open(abused.point.grpcPort)
    await wire.acknowledge()
    const [first, ...rest] = pieces(call(1, headers).subarray(9))
    const blocks = [
      frame(Type.headers, Flag.endStream, 1, first),
      ...rest.map((piece) => frame(Type.continuation, 0, 1, piece)),
      frame(Type.continuation, Flag.endHeaders, 1),
    ]
    await wire.send(...blocks)
    await wire.frame(
      'the end of the stream',
      ({ type, stream }) => type === Type.reset && stream === 1,
    )
    await wire.send(check(3))
    await wire.frame('an answer', ({ type, stream }) => type === Type.data && stream === 3)
  })
})

/** What fits into frames. */
function pieces(bytes: Buffer): Buffer[] {
  const found: Buffer[] = []
  for (let at = 0; at < bytes.length; at += 16_000) found.push(bytes.subarray(at, at + 16_000))
  return found
}

/** The status of a call whose message has these bytes, prefix included. */
async function statusOf(bytes: Buffer): Promise<number> {
  const session = http2.connect(`http://127.0.0.1:${abused.point.grpcPort}`)
  session.on('error', () => undefined)
  try {
    const stream = session.request({
      ':method': 'POST',
      ':path': '/envoy.service.auth.v3.Authorization/Check',
      'content-type': 'application/grpc',
      te: 'trailers',
    })
    stream.on('error', () => undefined).resume()
    stream.end(bytes)
    const [headers] = (await once(stream, 'response')) as [http2.IncomingHttpHeaders]
    return Number(headers['grpc-status'])
  } finally {
    session.destroy()
  }
}

test.each<[what: string, status: string, code: number, bytes: () => Buffer]>([
  [
    'a message of 4 MiB and a byte',
    'RESOURCE_EXHAUSTED',
    8,
    () => message(Buffer.alloc(4 * MIB + 1)),
  ],
  ['a promise of 4 GiB', 'RESOURCE_EXHAUSTED', 8, () => Buffer.from([0, 255, 255, 255, 255, 1])],
  ['a compressed message', 'UNIMPLEMENTED', 12, () => Buffer.from([1, 0, 0, 0, 1, 9])],
  ['a message that is no protobuf', 'INVALID_ARGUMENT', 3, () => message(Buffer.alloc(99, 0xff))],
  ['metadata nested a thousand deep', 'INVALID_ARGUMENT', 3, () => message(nested(1_000))],
])('%s is %s', async (_what, _status, code, bytes) => {
  await abused.staysFlat(async () => {
    expect(await statusOf(bytes())).toBe(code)
  })
})

/** Metadata with structs within structs. */
function nested(depth: number): Buffer {
  let value: Buffer = field(3, 'end')
  for (let at = 0; at < depth; at++) value = field(5, field(1, field(1, 'a'), field(2, value)))
  const struct = field(1, field(1, 'a'), field(2, value))
  return checkQuestion({ metadata: field(1, field(1, 'a'), field(2, struct)) })
}
