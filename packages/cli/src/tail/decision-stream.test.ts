import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { freePort } from '@verdict/kit'
import { expect, test } from 'vitest'
import { followDecisions } from './decision-stream.ts'
import { EventParser } from './server-sent-events.ts'

type Handler = (request: IncomingMessage, response: ServerResponse) => void

/** A server of events whose every connection is answered by the next handler. */
async function serve(handlers: Handler[], port = 0) {
  const requests: { url: string; lastEventId: string | undefined }[] = []
  const server = createServer((request, response) => {
    const lastEventId = request.headers['last-event-id']
    requests.push({ url: request.url ?? '', lastEventId: lastEventId?.toString() })
    const handler = handlers[Math.min(requests.length, handlers.length) - 1]
    handler?.(request, response)
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  const { port: own } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${own}`,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

const events =
  (text: string): Handler =>
  (_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write(text)
  }

const thenEnds =
  (text: string): Handler =>
  (_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.end(text)
  }

async function take(
  count: number,
  auditUrl: string,
  more: { after?: number; filter?: Record<string, string> } = {},
) {
  const stop = new AbortController()
  const states: string[] = []
  const taken: string[] = []
  const stream = followDecisions({
    auditUrl,
    filter: more.filter ?? {},
    after: more.after,
    signal: stop.signal,
    onState: ({ connected, why }) => states.push(connected ? 'back' : why),
  })
  for await (const data of stream) {
    taken.push(data)
    if (taken.length === count) stop.abort()
  }
  return { taken, states }
}

test('a lost connection is made again, and goes on behind the last decision', async () => {
  await using audit = await serve([
    thenEnds('id: 4\n\nid: 5\ndata: {"n":5}\n\nid: 6\ndata: {"n":6}\n\nid: 7\ndata: {"n"'),
    events('id: 6\n\nid: 7\ndata: {"n":7}\n\n'),
  ])
  const { taken, states } = await take(3, audit.url)
  expect(taken).toEqual(['{"n":5}', '{"n":6}', '{"n":7}'])
  expect(audit.requests.map(({ lastEventId }) => lastEventId)).toEqual([undefined, '6'])
  expect(states).toEqual(['the stream ended', 'back'])
})

test('a stream that begins at an index asks for it, with its filters', async () => {
  await using audit = await serve([events('id: 1\ndata: {}\n\n')])
  await take(1, audit.url, { after: 0, filter: { outcome: 'deny' } })
  expect(audit.requests).toEqual([{ url: '/v1/stream?outcome=deny', lastEventId: '0' }])
})

test('a place that moved without a decision is where a new connection begins', async () => {
  await using audit = await serve([
    thenEnds('id: 4\n\n: keep-alive\nid: 90\n\n'),
    events('id: 91\ndata: {}\n\n'),
  ])
  await take(1, audit.url)
  expect(audit.requests[1]?.lastEventId).toBe('90')
})

test('what is refused for good ends the stream with the reason', async () => {
  await using audit = await serve([
    (_, response) => {
      response.writeHead(400, { 'content-type': 'application/json' })
      response.end('{"error":{"code":"bad_request","message":"index `9` is beyond the log"}}')
    },
  ])
  await expect(take(1, audit.url)).rejects.toMatchObject({
    code: 'stream_refused',
    message: 'audit refuses the stream: index `9` is beyond the log',
  })
})

test('an audit that is not there yet is waited for', async () => {
  const port = await freePort()
  const taking = take(1, `http://127.0.0.1:${port}`)
  await using _audit = await serve([events('id: 1\ndata: {"n":1}\n\n')], port)
  expect((await taking).taken).toEqual(['{"n":1}'])
})

test('events are the same, however their text is cut', () => {
  const text =
    'retry: 1000\r\nid: 1\r\n\r\n: hello\n\nid: 2\ndata: {"a":\ndata: "ü"}\n\ndata:x\r\rid:3\n\n'
  const whole = new EventParser().take(text)
  expect(whole).toEqual([
    { id: '1', data: undefined },
    { id: '2', data: '{"a":\n"ü"}' },
    { id: undefined, data: 'x' },
    { id: '3', data: undefined },
  ])
  for (let size = 1; size < 8; size += 1) {
    const parser = new EventParser()
    const cut = text.match(new RegExp(`[\\s\\S]{1,${size}}`, 'g')) ?? []
    expect(cut.flatMap((piece) => parser.take(piece))).toEqual(whole)
  }
})

test('an event without end is refused before it fills the memory', () => {
  const parser = new EventParser()
  const take = (): void => {
    for (let n = 0; n < 100; n += 1) parser.take(`data: ${'x'.repeat(20_000)}\n`)
  }
  expect(take).toThrow(RangeError)
})
