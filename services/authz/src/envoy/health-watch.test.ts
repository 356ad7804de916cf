import { Client, credentials, status } from '@grpc/grpc-js'
import { waitFor } from '@verdict/kit'
import { afterEach, expect, test } from 'vitest'
import { GrpcServer } from './grpc-server.ts'
import { HEALTH_LIST_METHOD, HEALTH_WATCH_METHOD, healthListHandler } from './health.ts'
import { healthWatchHandler } from './health-watch.ts'

const DEADLINE = { deadlineMs: 10_000 }
/** HealthCheckResponses, byte by byte. */
const SERVING = '0801'
const NOT_SERVING = '0802'
const SERVICE_UNKNOWN = '0803'

const cleanups: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

async function setUp() {
  let ready = false
  const server = new GrpcServer({
    methods: { [HEALTH_LIST_METHOD]: healthListHandler(() => ready) },
    streams: { [HEALTH_WATCH_METHOD]: healthWatchHandler(() => ready, 10) },
    onFault: (error) => expect.fail(String(error)),
  })
  const port = await server.listen({ host: '127.0.0.1', port: 0 })
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure())
  cleanups.push(
    () => server.stop(0),
    () => client.close(),
  )
  const watch = (service: string) => {
    const told: string[] = []
    let code: number | undefined
    const request = Buffer.from([0x0a, service.length, ...Buffer.from(service)])
    const call = client.makeServerStreamRequest(HEALTH_WATCH_METHOD, same, same, request)
    call.on('data', (message: Buffer) => told.push(message.toString('hex')))
    call.on('error', () => undefined)
    call.on('status', (ended) => {
      code = ended.code
    })
    return { told, call, code: () => code }
  }
  const setReady = (value: boolean): void => {
    ready = value
  }
  return { server, client, watch, setReady }
}

test('Watch tells the status of now, then each change', async () => {
  const { watch, setReady, server } = await setUp()
  const watches = ['', 'envoy.service.auth.v3.Authorization'].map(watch)
  const expectAll = async (told: string[]): Promise<void> => {
    const same = () => watches.every((each) => each.told.length === told.length)
    await waitFor(same, { ...DEADLINE, what: 'the status' })
    for (const each of watches) expect(each.told).toEqual(told)
  }
  await expectAll([NOT_SERVING])
  setReady(true)
  await expectAll([NOT_SERVING, SERVING])
  setReady(false)
  await expectAll([NOT_SERVING, SERVING, NOT_SERVING])
  for (const { call } of watches) call.cancel()
  await waitFor(() => server.calls === 0, { ...DEADLINE, what: 'the calls to be let go' })
})

test('of an unknown service it tells that, and goes on', async () => {
  const { watch, setReady, server } = await setUp()
  const unknown = watch('other.Service')
  const known = watch('')
  await waitFor(() => unknown.told.length > 0, { ...DEADLINE, what: 'the status' })
  setReady(true)
  await waitFor(() => known.told.length === 2, { ...DEADLINE, what: 'the change' })
  expect(unknown.told).toEqual([SERVICE_UNKNOWN])
  expect(unknown.code()).toBeUndefined()
  expect(server.calls).toBe(2)
})

test('a stop is told as a status and as the end', async () => {
  const { watch, setReady, server } = await setUp()
  setReady(true)
  const watching = watch('')
  await waitFor(() => watching.told.length === 1, { ...DEADLINE, what: 'the status' })
  await server.stop(60_000)
  await waitFor(() => watching.code() !== undefined, { ...DEADLINE, what: 'the end' })
  expect(watching.told).toEqual([SERVING, NOT_SERVING])
  expect(watching.code()).toBe(status.UNAVAILABLE)
})

test('List tells of all services at once', async () => {
  const { client, setReady } = await setUp()
  setReady(true)
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>()
  client.makeUnaryRequest(HEALTH_LIST_METHOD, same, same, Buffer.alloc(0), (error, answer) =>
    error === null ? resolve(answer ?? Buffer.alloc(0)) : reject(error),
  )
  const bytes = await promise
  // Two entries of a map, one of them with the empty name.
  const entry = (name: string): Buffer => {
    const key = Buffer.from([0x0a, name.length, ...Buffer.from(name)])
    const value = Buffer.concat([key, Buffer.from([0x12, 2]), Buffer.from(SERVING, 'hex')])
    return Buffer.concat([Buffer.from([0x0a, value.length]), value])
  }
  const expected = ['', 'envoy.service.auth.v3.Authorization'].map(entry)
  expect(bytes.toString('hex')).toBe(Buffer.concat(expected).toString('hex'))
})

test('two questions, or none, are refused', async () => {
  const { client } = await setUp()
  for (const count of [0, 2]) {
    const call = client.makeBidiStreamRequest(HEALTH_WATCH_METHOD, same, same)
    const { promise, resolve } = Promise.withResolvers<number>()
    call.on('status', ({ code }) => resolve(code))
    call.on('error', () => undefined)
    call.on('data', () => undefined)
    for (let n = 0; n < count; n++) call.write(Buffer.alloc(0))
    call.end()
    expect(await promise).toBe(status.UNIMPLEMENTED)
  }
})

function same(bytes: Buffer): Buffer {
  return bytes
}
