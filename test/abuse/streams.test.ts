import { waitFor } from '@verdict/kit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Abused, DEADLINE_MS } from './abused.ts'
import { call, check } from './check-question.ts'
import { Flag, frame, Reason, Type, Wire, word } from './http2-wire.ts'

/** Streams and connections by the thousand. The limits are those of docs/limits.md. */

const STREAMS_MAX = 1_000
const CONNECTIONS_MAX = 1_024

let abused: Abused
beforeAll(async () => {
  abused = await Abused.start()
})
afterAll(async () => {
  await abused[Symbol.asyncDispose]()
})

/** The numbers of streams as a client gives them. */
function streams(count: number): number[] {
  return Array.from({ length: count }, (_, at) => 2 * at + 1)
}

test('5,000 streams opened at once and left: 4,000 are REFUSED_STREAM, the connection stays', async () => {
  await abused.staysFlat(async () => {
    using wire = await Wire.open(abused.point.grpcPort)
    await wire.send(...streams(5_000).map((stream) => call(stream)))
    await wire.settled()
    const resets = wire.frames.filter(({ type }) => type === Type.reset)
    expect(resets).toHaveLength(5_000 - STREAMS_MAX)
    expect(new Set(resets.map(({ payload }) => payload.readUInt32BE()))).toEqual(
      new Set([Reason.refusedStream]),
    )
    expect(wire.frames.filter(({ type }) => type === Type.goaway)).toEqual([])
    expect(wire.closed).toBe(false)
  })
})

test('more streams than may be, by who has taken our settings: the connection is closed', async () => {
  await abused.staysFlat(async () => {
    using wire = await Wire.open(abused.point.grpcPort)
    await wire.acknowledge()
    await wire.send(...streams(2_000).map((stream) => call(stream)))
    await wire.end()
    expect([undefined, Reason.protocolError]).toContain(wire.goawayReason)
  })
})

test('5,000 questions at once on one connection: each is answered or REFUSED_STREAM', async () => {
  await abused.staysFlat(async () => {
    using wire = await Wire.open(abused.point.grpcPort)
    await wire.send(...streams(5_000).map((stream) => check(stream)))
    const ended = () =>
      wire.frames.filter(
        ({ type, flags }) =>
          type === Type.reset || (type === Type.headers && (flags & Flag.endStream) !== 0),
      )
    await waitFor(() => ended().length >= 5_000, { deadlineMs: DEADLINE_MS, what: 'all to end' })
    expect(new Set(ended().map(({ stream }) => stream)).size).toBe(5_000)
    const answered = ended().filter(({ type }) => type === Type.headers)
    expect(answered.length).toBeGreaterThanOrEqual(STREAMS_MAX)
    expect(wire.closed).toBe(false)
  })
})

test('5,000 questions reset as timeouts do it: no GOAWAY, and the next one is answered', async () => {
  await abused.staysFlat(async () => {
    using wire = await Wire.open(abused.point.grpcPort)
    const cancel = word(Reason.cancel)
    for (const stream of streams(5_000)) {
      wire.socket.write(Buffer.concat([check(stream), frame(Type.reset, 0, stream, cancel)]))
    }
    const last = 2 * 5_000 + 1
    await wire.send(check(last))
    await wire.frame(`an answer on stream ${last}`, (one) => one.stream === last)
    expect(wire.frames.filter(({ type }) => type === Type.goaway)).toEqual([])
  })
})

test('connections beyond 1,024 are closed at once; those that are there go on', async () => {
  await abused.staysFlat(async () => {
    const wires = await Promise.all(
      Array.from({ length: CONNECTIONS_MAX + 100 }, () => Wire.open(abused.point.grpcPort)),
    )
    // The other caller has one of the places.
    await waitFor(() => wires.filter(({ closed }) => closed).length > 100, {
      deadlineMs: DEADLINE_MS,
      what: 'those beyond the limit to be closed',
    })
    const open = wires.filter(({ closed }) => !closed)
    expect(open.length).toBeGreaterThan(CONNECTIONS_MAX - 100)
    await abused.answersOthers()
    for (const wire of wires) wire[Symbol.dispose]()
  })
})
