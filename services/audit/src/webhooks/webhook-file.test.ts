import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryDirectory } from '@verdict/kit'
import { expect, test } from 'vitest'
import { SECRET } from '../../test/webhook-receiver.ts'
import { readWebhooks, WEBHOOKS_MAX } from './webhook-file.ts'

const HOOK = { name: 'siem', url: 'https://siem.example/hook', secretFile: 'siem.secret' }

/** What is read from a file of these webhooks. */
async function read(...webhooks: object[]) {
  await using dir = temporaryDirectory()
  const file = join(dir.path, 'webhooks.json')
  writeFileSync(join(dir.path, 'siem.secret'), `${SECRET}\n`)
  writeFileSync(file, JSON.stringify({ webhooks }))
  return readWebhooks(file)
}

test.each([
  [{ url: 'http://siem.example/' }, 'https URL'],
  [{ url: 'http://127.0.0.1.evil.example/' }, 'https URL'],
  [{ url: 'https://user:secret@siem.example/' }, 'without a user'],
  [{ url: 'https://siem.example/#x' }, 'fragment'],
  [{ url: 'file:///etc/passwd' }, 'https URL'],
  [{ url: 7 }, 'https URL'],
  [{ name: '../evil' }, 'must be a-z'],
  [{ secretFile: 'missing' }, 'ENOENT'],
  [{ secretFile: 'webhooks.json' }, 'holds no secret'],
  [{ format: 'parquet' }, 'cloudevents'],
  [{ format: 'toString' }, 'cloudevents'],
  [{ filter: { path: '/x' } }, 'not `path`'],
  [{ filter: { outcome: 'maybe' } }, 'one of allow'],
  [{ batchMax: 0 }, 'from 1 to 1000'],
  [{ secret: 'x' }, '`secret`, which is unknown'],
])('a file with %j is refused, and says why', async (wrong, why) => {
  const refusal = read({ ...HOOK, ...wrong })
  await expect(refusal).rejects.toThrow(why)
  await expect(refusal).rejects.toThrow('VERDICT_AUDIT_WEBHOOKS')
})

test('a file has webhooks of different names, and not too many', async () => {
  const filter = { destination: 'shop/orders', outcome: 'deny' }
  const local = { ...HOOK, name: 'local', url: 'http://[::1]:9/x', filter, batchMax: 7 }
  const [siem, own] = await read(HOOK, local)
  expect(siem).toMatchObject({
    ...{ batchMax: 100, timeoutMs: 10_000, filter: {} },
    format: 'cloudevents',
  })
  expect(own).toMatchObject({
    batchMax: 7,
    filter: { destination: { namespace: 'shop', service: 'orders' }, outcome: 'deny' },
  })
  await expect(read(HOOK, HOOK)).rejects.toThrow('two webhooks')
  const many = Array.from({ length: WEBHOOKS_MAX + 1 }, (_, at) => ({ ...HOOK, name: `n${at}` }))
  await expect(read(...many)).rejects.toThrow('at most 64')
  expect(await read()).toEqual([])
})
