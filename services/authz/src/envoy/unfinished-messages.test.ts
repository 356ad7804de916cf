import { once } from 'node:events'
import http2 from 'node:http2'
import { waitFor } from '@verdict/kit'
import { expect, test } from 'vitest'
import { frameMessage } from './grpc-frame.ts'
import { GrpcServer } from './grpc-server.ts'

const RESOURCE_EXHAUSTED = '8'
const PIECE = Buffer.alloc(10_000)
const CALL = { ':method': 'POST', ':path': '/t/Echo', 'content-type': 'application/grpc' }

test('unfinished messages are bounded together; a message in one piece is taken all the same', async () => {
  const server = new GrpcServer({
    methods: { '/t/Echo': (message) => message },
    receivedBytesMax: 2.5 * PIECE.length,
    onFault: () => undefined,
  })
  const port = await server.listen({ host: '127.0.0.1', port: 0 })
  const session = http2.connect(`http://127.0.0.1:${port}`)
  try {
    const unfinished = frameMessage(Buffer.alloc(2 * PIECE.length)).subarray(0, PIECE.length)
    const holding = [1, 2].map(() => session.request(CALL))
    for (const stream of holding) stream.write(unfinished)
    await waitFor(() => server.calls === 2, { deadlineMs: 5_000, what: 'two calls' })
    const third = session.request(CALL)
    third.write(unfinished)
    const [refused] = (await once(third, 'response')) as [http2.IncomingHttpHeaders]
    expect(refused['grpc-status']).toBe(RESOURCE_EXHAUSTED)
    const whole = session.request(CALL)
    whole.end(frameMessage(PIECE))
    const [answered] = (await once(whole, 'response')) as [http2.IncomingHttpHeaders]
    expect(answered['grpc-status']).toBeUndefined()
    for (const stream of holding) stream.on('error', () => undefined).close()
    await waitFor(() => server.calls === 0, { deadlineMs: 5_000, what: 'the calls to end' })
    const later = session.request(CALL)
    later.write(unfinished)
    later.end(Buffer.alloc(PIECE.length + 5))
    const [taken] = (await once(later, 'response')) as [http2.IncomingHttpHeaders]
    expect(taken['grpc-status']).toBeUndefined()
  } finally {
    session.destroy()
    await server.stop(0)
  }
})
