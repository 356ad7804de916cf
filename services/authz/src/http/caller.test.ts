import { spawnSync } from 'node:child_process'
import http from 'node:http'
import net, { type AddressInfo, type Socket } from 'node:net'
import { waitFor } from '@verdict/kit'
import { expect, test } from 'vitest'
import type { Caller } from '../request.ts'
import { callerOf, oneTurnIfNew } from './caller.ts'

const SOON = { deadlineMs: 5_000 }
const QUESTION = 'GET /check HTTP/1.1\r\nhost: a\r\n\r\n'
const HEADER = 'x-verdict-timeout-ms'

/** A server that answers nothing by itself, and a connection to it. */
async function connect() {
  const callers: Caller[] = []
  const responses: http.ServerResponse[] = []
  const server = http.createServer((message, response) => {
    callers.push(callerOf(message, HEADER))
    responses.push(response)
  })
  server.listen(0, '127.0.0.1')
  await waitFor(() => server.listening, { ...SOON, what: 'the server' })
  const socket: Socket = net.connect((server.address() as AddressInfo).port, '127.0.0.1')
  socket.on('error', () => undefined).resume()
  const ask = async (): Promise<Caller> => {
    const before = callers.length
    socket.write(QUESTION)
    await waitFor(() => callers.length > before, { ...SOON, what: 'the question' })
    return callers.at(-1) ?? expect.fail('nobody asks')
  }
  return {
    socket,
    ask,
    responses,
    [Symbol.asyncDispose]: async () => {
      socket.destroy()
      server.closeAllConnections()
      server.close()
    },
  }
}

test.each([
  ['closes its connection', (socket: Socket) => socket.destroy()],
  ['ends its side of it', (socket: Socket) => socket.end()],
])('a caller that %s is gone', async (_name, leave) => {
  await using connection = await connect()
  const caller = await connection.ask()
  expect(caller.gone).toBe(false)
  leave(connection.socket)
  await waitFor(() => caller.gone, { ...SOON, what: 'the caller to be gone' })
})

test('each question on one connection has a caller that waits', async () => {
  await using connection = await connect()
  expect((await connection.ask()).gone).toBe(false)
  connection.responses[0]?.end('a')
  expect((await connection.ask()).gone).toBe(false)
})

test('who gave up before its connection was accepted is seen to be gone a turn later', async () => {
  const seen: boolean[] = []
  const server = http.createServer(async (message) => {
    const caller = callerOf(message)
    await oneTurnIfNew(message)
    seen.push(caller.gone)
  })
  server.listen(0, '127.0.0.1')
  await waitFor(() => server.listening, { ...SOON, what: 'the server' })
  const { port } = server.address() as AddressInfo
  // While it runs, nothing here does: it comes, asks and goes before it is accepted.
  const client = `require('node:net').connect(${port}, '127.0.0.1').end(${JSON.stringify(QUESTION)})
    .on('finish', () => process.exit())`
  spawnSync(process.execPath, ['--input-type=commonjs', '-e', client])
  await waitFor(() => seen.length === 1, { ...SOON, what: 'the question' })
  expect(seen).toEqual([true])
  server.closeAllConnections()
  server.close()
})

/** A message with one header. */
function message(value: string | string[] | undefined): http.IncomingMessage {
  const headers = { [HEADER]: value }
  return { socket: new net.Socket(), headers } as unknown as http.IncomingMessage
}

test('a header tells until when the caller waits, where a setting names it', () => {
  const nowMs = performance.now()
  expect(callerOf(message('200'), HEADER).deadlineMs).toBeGreaterThanOrEqual(nowMs + 200)
  expect(callerOf(message('200'), HEADER).deadlineMs).toBeLessThanOrEqual(performance.now() + 200)
  expect(callerOf(message(undefined), HEADER).deadlineMs).toBeUndefined()
  // A client could send it, and make its own question fail: as a fault, which some let through.
  expect(callerOf(message('1')).deadlineMs).toBeUndefined()
})

test.each(['0', '', '-1', '1.5', '1e3', '200, 300', '9'.repeat(10), 'soon'])(
  'a timeout of `%s` is malformed',
  (value) => {
    expect(() => callerOf(message(value), HEADER)).toThrow(
      expect.objectContaining({ code: 'question_malformed' }),
    )
  },
)
