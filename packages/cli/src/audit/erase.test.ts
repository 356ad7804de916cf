import { once } from 'node:events'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { json } from 'node:stream/consumers'
import { parsePersonalKeyFile, parsePersonalKeys, sealingKeyId } from '@verdict/contract'
import { temporaryDirectory } from '@verdict/kit'
import { expect, test } from 'vitest'
import { verdict } from '../../test/captured.ts'

/** An audit service that answers an erasure, and tells what it was asked. */
async function audited(status: number, answer: object) {
  const asked: unknown[] = []
  const server = createServer(async (request, response) => {
    const { authorization } = request.headers
    asked.push([request.method, request.url, authorization, await json(request)])
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { asked, url, [Symbol.dispose]: () => void server.close() }
}

const ERASED = {
  at: '2026-11-23T08:00:00.000Z',
  origin: 'a/2026-11',
  leaf: 17,
  keys: { count: 2, sha256: 'ab' },
}

test('a subject is erased, and the leaf that says so is told', async () => {
  using audit = await audited(200, ERASED)
  const what = ['--subject', 'alice', '--reason', 'request 17', '--token', 't']
  const ran = await verdict(['audit', 'erase', '--audit', audit.url, ...what])
  const out = '2 keys destroyed, on the record as leaf 17 of a/2026-11\n'
  expect(ran).toMatchObject({ code: 0, out })
  const body = { subject: 'alice', reason: 'request 17' }
  expect(audit.asked).toEqual([['POST', '/v1/erasures', 'Bearer t', body]])
  const other = await verdict(['audit', 'erase', '--audit', audit.url, ...what, '--json'])
  expect(JSON.parse(other.out)).toEqual(ERASED)
})

test('what audit refuses is told, and so is that nothing is erased', async () => {
  using audit = await audited(403, { error: { code: 'forbidden', message: 'not \u001byou' } })
  const what = ['--subject', 'alice', '--reason', 'r', '--audit', audit.url]
  const ran = await verdict(['audit', 'erase', ...what])
  expect(ran.code).toBe(3)
  expect(ran.err).toContain('nothing is erased: not ')
  expect(ran.err).not.toContain('\u001byou')
  expect((await verdict(['audit', 'erase', '--subject', 'alice'])).code).toBe(2)
  expect((await verdict(['audit', 'erase', '--reason', 'r'])).code).toBe(2)
})

test('keys are made once, given again, and made anew by a rotation', async () => {
  await using scratch = temporaryDirectory()
  const keyStore = path.join(scratch.path, 'store/keys')
  const out = path.join(scratch.path, 'points/personal.json')
  const make = async (...more: string[]) => {
    const args = ['audit', 'personal-keys', '--key-store', keyStore, '--out', out, ...more]
    expect((await verdict(args)).code).toBe(0)
    return parsePersonalKeys(readFileSync(out, 'utf8'))
  }
  const files = () => readdirSync(keyStore).toSorted()
  const first = await make()
  const names = [`pseudonym-${first.pseudonym.period}.json`]
  names.push(`sealing-${sealingKeyId(first.sealingKey)}.json`)
  expect(files()).toEqual(names)
  for (const file of [out, ...names.map((name) => path.join(keyStore, name))]) {
    expect(statSync(file).mode & 0o077).toBe(0)
  }
  expect(await make()).toEqual(first)
  expect(files()).toEqual(names)
  const second = await make('--rotate')
  expect(second.sealingKey).not.toBe(first.sealingKey)
  expect(second.pseudonym.period).not.toBe(first.pseudonym.period)
  expect(files()).toHaveLength(4)
  expect(await make()).toEqual(second)
  const text = readFileSync(path.join(keyStore, names[1] ?? ''), 'utf8')
  const sealing = parsePersonalKeyFile(names[1] ?? '', text)
  expect(sealing).toMatchObject({ kind: 'sealing', pair: { publicKey: first.sealingKey } })
  expect((await verdict(['audit', 'personal-keys'])).code).toBe(2)
})
