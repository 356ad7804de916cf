import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { verdict } from '../../test/captured.ts'

/** An audit service that answers each request alike, and tells what it was asked. */
async function audited(status: number, answer?: object) {
  const asked: unknown[] = []
  const server = createServer(async (request, response) => {
    asked.push([request.method, request.url, request.headers.authorization, await text(request)])
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(answer === undefined ? undefined : JSON.stringify(answer))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { asked, url, [Symbol.dispose]: () => void server.close() }
}

test('a hold is placed with its conditions, by whoever has the token', async () => {
  using audit = await audited(201, { name: 'case-7', reason: 'asked for', at: 'now' })
  const what = ['--reason', 'asked for', '--principal', 'alice', '--token', 't']
  const ran = await verdict(['audit', 'hold', 'case-7', '--audit', audit.url, ...what])
  expect(ran).toMatchObject({ code: 0, out: 'case-7 is held\n' })
  const body = JSON.stringify({ name: 'case-7', reason: 'asked for', principal: 'alice' })
  expect(audit.asked).toEqual([['POST', '/v1/holds', 'Bearer t', body]])
  expect((await verdict(['audit', 'hold', 'case-7', '--audit', audit.url])).code).toBe(2)
})

test('a hold is released by its name, and one that is not there is told', async () => {
  {
    using audit = await audited(204)
    const what = ['--audit', audit.url, '--token', 't', '--reason', 'closed & done']
    const ran = await verdict(['audit', 'release', 'case-7', ...what])
    expect(ran).toMatchObject({ code: 0, out: 'case-7 is released\n' })
    const url = '/v1/holds/case-7?reason=closed+%26+done'
    expect(audit.asked).toEqual([['DELETE', url, 'Bearer t', '']])
  }
  using audit = await audited(404, { error: { code: 'not_found', message: 'none' } })
  const ran = await verdict(['audit', 'release', 'case-8', '--audit', audit.url, '--token', 't'])
  expect([ran.code, ran.err]).toEqual([1, expect.stringContaining('there is no hold `case-8`')])
})

test('holds are listed with what they are about, and nothing of them is obeyed', async () => {
  const holds = [
    { name: 'a', at: '2026-05-12T09:30:00.000Z', reason: 'r\u001b[2J', principal: 'alice' },
    { name: 'b', at: '2026-05-13T09:30:00.000Z', reason: 's' },
  ]
  using audit = await audited(200, { holds })
  const ran = await verdict(['audit', 'holds', '--audit', audit.url, '--token', 't'])
  expect(ran.out).toBe(
    'a  since 2026-05-12T09:30:00.000Z  principal alice: r\\u{1b}[2J\n' +
      'b  since 2026-05-13T09:30:00.000Z  the whole log: s\n',
  )
  const json = await verdict(['audit', 'holds', '--audit', audit.url, '--token', 't', '--json'])
  expect(JSON.parse(json.out)).toEqual({ holds })
})

test('a refusal is told, and so is that nothing is changed', async () => {
  using audit = await audited(403, { error: { code: 'forbidden', message: 'not you' } })
  const what = ['--audit', audit.url, '--token', 't', '--reason', 'r']
  const ran = await verdict(['audit', 'hold', 'case-7', ...what])
  expect(ran.code).toBe(3)
  expect(ran.err).toContain('nothing is changed: not you')
})
