import { newDecisionId } from '@verdict/contract'
import { expect, test } from 'vitest'
import { ServedLog } from '../../test/served-log.ts'

test('who calls what changes something is in the log, and who only reads is not', async () => {
  const decision = newDecisionId()
  const authorizer = { authorize: async () => ({ allowed: true, decision }) as const }
  await using log = await ServedLog.start({ authorizer })
  const headers = { 'content-type': 'application/json' }
  const post = async (body: string): Promise<number> => {
    const url = log.url('/v1/holds?x=1')
    return (await fetch(url, { method: 'POST', body, headers })).status
  }
  await log.get('/v1/holds')
  expect(log.store.notes('operation')).toEqual([])
  expect(await post('{"name":"case-1","reason":"lawsuit"}')).toBe(201)
  expect(await post('{}')).toBe(400)
  const about = { address: '127.0.0.1', at: expect.any(String), decision, method: 'POST' }
  expect(log.store.notes('operation')).toEqual([
    { ...about, path: '/v1/holds', status: 201 },
    { ...about, path: '/v1/holds', status: 400 },
  ])
  expect((await fetch(log.url('/v1/nothing'), { method: 'POST' })).status).toBe(404)
  expect(log.store.notes('operation').length).toBe(2)
})

test('whom the policy refuses has done nothing', async () => {
  const refused = { allowed: false, status: 403, reason: 'no', decision: newDecisionId() } as const
  await using log = await ServedLog.start({ authorizer: { authorize: async () => refused } })
  expect((await fetch(log.url('/v1/holds'), { method: 'POST' })).status).toBe(403)
  expect(log.store.notes('operation')).toEqual([])
  expect(log.store.notes('hold')).toEqual([])
})
