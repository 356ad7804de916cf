import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { serve } from '@verdict/bus'
import { type CheckAnswer, type CheckQuery, queues, subjects } from '@verdict/contract'
import { startBus, type TestBus, temporaryDirectory } from '@verdict/kit'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type CaptureOptions, type Ran, verdict } from '../../test/captured.ts'

let bus: TestBus
let answer: CheckAnswer
let asked: CheckQuery | undefined
let server: { drain(): Promise<void> } | undefined

const ALLOWED: CheckAnswer = {
  id: '01a20569-0e1b-77ce-a7bf-ac02d112586a',
  outcome: 'allow',
  reason: 'orders_read',
  status: 200,
  headers: {},
}

beforeAll(async () => {
  bus = await startBus()
  server = serve(await bus.connect('authz-serve'), {
    subject: subjects.check,
    queue: queues.authz,
    concurrencyMax: 4,
    handler: async (payload) => {
      asked = JSON.parse(new TextDecoder().decode(payload))
      return new TextEncoder().encode(JSON.stringify(answer))
    },
    onError: () => undefined,
  })
})

afterAll(async () => {
  await server?.drain()
  await bus[Symbol.asyncDispose]()
})

beforeEach(() => {
  answer = ALLOWED
  asked = undefined
})

async function check(args: readonly string[], options?: CaptureOptions): Promise<Ran> {
  const place = ['--data-dir', bus.directory, '--nats', bus.url]
  return await verdict(['check', ...place, ...args], options)
}

test('a request of options is asked as it is, and its decision printed', async () => {
  const ran = await check([
    ...['--path', '/orders/1?x=1', '--method', 'PUT', '--host', 'orders.shop'],
    ...['--header', 'X-Tenant: blue', '--header', 'accept:a:b', '--token', 'a.b.c'],
    ...['--source', 'spiffe://shop.example/ns/shop/sa/web'],
    ...['--service', 'orders', '--namespace', 'shop'],
  ])
  expect(asked).toEqual({
    method: 'PUT',
    path: '/orders/1?x=1',
    host: 'orders.shop',
    headers: { 'x-tenant': 'blue', accept: 'a:b', authorization: 'Bearer a.b.c' },
    source: { principal: 'spiffe://shop.example/ns/shop/sa/web' },
    destination: { namespace: 'shop', service: 'orders' },
  })
  expect(ran).toEqual({
    code: 0,
    err: '',
    out: `outcome  allow\nreason   orders_read\nstatus   200\nid       ${ALLOWED.id}\n`,
  })
})

test('what is not allowed is exit code 1', async () => {
  answer = { ...ALLOWED, outcome: 'deny', reason: 'not_permitted', status: 403 }
  expect(await check(['--path', '/'])).toMatchObject({ code: 1, err: '' })
  answer = { ...ALLOWED, outcome: 'unauthenticated', reason: 'expired', status: 401 }
  expect((await check(['--path', '/'])).code).toBe(1)
})

test('a fault is no decision: exit code 3, and nothing that could be read as one', async () => {
  answer = { error: { code: 'policy_failed', message: 'evaluation took too long' } }
  expect(await check(['--path', '/'])).toEqual({
    code: 3,
    out: '',
    err: 'verdict: no decision (policy_failed): evaluation took too long\n',
  })
})

test('the answer is JSON where that is asked for', async () => {
  expect(JSON.parse((await check(['--path', '/', '--json'])).out)).toEqual(ALLOWED)
})

test('a request comes from a file or standard input, and options go over it', async () => {
  await using folder = temporaryDirectory()
  const file = path.join(folder.path, 'request.json')
  const query = { method: 'POST', path: '/a', destination: { service: 'orders' } }
  await writeFile(file, JSON.stringify(query))
  await check(['--file', file, '--path', '/b'])
  expect(asked).toMatchObject({ ...query, path: '/b' })
  await check(['--file', '-'], { stdin: JSON.stringify(query) })
  expect(asked).toMatchObject(query)
})

test('headers come from a file, as curl takes them', async () => {
  await using folder = temporaryDirectory()
  const file = path.join(folder.path, 'alice.header')
  await writeFile(file, 'authorization: Bearer x.y.z\n')
  await check(['--path', '/', '--header', `@${file}`])
  expect(asked?.headers).toEqual({ authorization: 'Bearer x.y.z' })
})

test('a file that holds something else is an error that says so', async () => {
  await using folder = temporaryDirectory()
  const file = path.join(folder.path, 'request.json')
  expect((await check(['--file', file])).err).toContain("can't be read")
  await writeFile(file, '[]')
  expect((await check(['--file', file])).err).toContain('holds no JSON object')
  await writeFile(file, '{"path":"/","verb":"GET"}')
  expect(await check(['--file', file])).toMatchObject({
    code: 1,
    err: expect.stringContaining('has `verb`, expected only method, path'),
  })
})

test('a cluster without a decision point, or without a key, is a fault', async () => {
  await using other = await startBus()
  const args = ['check', '--data-dir', other.directory, '--nats', other.url, '--path', '/']
  const ran = await verdict([...args, '--json'])
  expect(ran.code).toBe(3)
  expect(JSON.parse(ran.out)).toMatchObject({ error: { code: 'no_responders' } })
  await using folder = temporaryDirectory()
  const keyless = await verdict([
    'check',
    '--data-dir',
    folder.path,
    '--nats',
    other.url,
    '--path',
    '/',
  ])
  expect(keyless).toMatchObject({ code: 3, err: expect.stringContaining('bad_key') })
})
