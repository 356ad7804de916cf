import { connect } from 'node:net'
import { PassThrough } from 'node:stream'
import { waitFor } from '@verdict/kit'
import { expect, test } from 'vitest'
import { createHealth } from './health.ts'
import { createHttp } from './http.ts'
import { createLog } from './log.ts'
import { createMetrics } from './metrics.ts'

test('the bodies of all requests are bounded together, and a request that ends gives its room', async () => {
  const http = createHttp({
    log: createLog({ service: 'audit', instance: 'audit-1', destination: new PassThrough() }),
    metrics: createMetrics('audit'),
    health: createHealth(),
    bodiesBytesMax: 2_500,
  })
  http.post('/echo', async (request) => request.body)
  const base = await http.listen({ host: '127.0.0.1', port: 0 })
  const post = async (): Promise<number> => {
    const body = JSON.stringify({ text: 'b'.repeat(800) })
    const headers = { 'content-type': 'application/json' }
    return (await fetch(`${base}/echo`, { method: 'POST', body, headers })).status
  }
  const head = ['POST /echo HTTP/1.1', 'Host: a', 'Content-Type: text/plain', 'Content-Length: 999']
  const holding = [1, 2].map(() => connect(Number(new URL(base).port)))
  try {
    expect(await post()).toBe(200)
    for (const socket of holding) socket.write(`${head.join('\r\n')}\r\n\r\n${'a'.repeat(900)}`)
    await waitFor(async () => (await post()) === 503, { deadlineMs: 5_000, what: 'no more room' })
    for (const socket of holding) socket.destroy()
    await waitFor(async () => (await post()) === 200, { deadlineMs: 5_000, what: 'room again' })
  } finally {
    for (const socket of holding) socket.destroy()
    await http.close()
  }
})
