import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { TestJournal, temporaryDirectory } from '@verdict/kit'
import { expect, test } from 'vitest'
import type { PersonalReader } from '../key-store/personal-reader.ts'
import { Store } from '../store.ts'
import { retryWaitMs } from './retry.ts'
import { Webhook } from './webhook.ts'
import { nextBatch } from './webhook-batch.ts'
import { WebhookCursor } from './webhook-cursor.ts'
import type { WebhookTarget } from './webhook-file.ts'

const TARGET: WebhookTarget = {
  ...{ name: 'siem', url: new URL('https://siem.example'), secretFile: '', filter: {} },
  ...{ format: 'json', batchMax: 9, timeoutMs: 1 },
}

test('a place is one of this log, and what is none is not taken for the beginning', async () => {
  await using dir = temporaryDirectory()
  const file = join(dir.path, 'webhooks/siem.json')
  expect(new WebhookCursor(dir.path, 'siem', 7).index).toBe(7)
  const cursor = new WebhookCursor(dir.path, 'siem', 9)
  expect(cursor.index).toBe(7)
  cursor.moveTo(9)
  expect(readFileSync(file, 'utf8')).toBe('{"index":9,"v":1}\n')
  // The log was put back to an older state.
  expect(new WebhookCursor(dir.path, 'siem', 4).index).toBe(4)
  writeFileSync(file, '{"index":')
  expect(() => new WebhookCursor(dir.path, 'siem', 9)).toThrow('no place of a webhook')
})

test('personal fields are sent as they are in the log', async () => {
  await using dir = temporaryDirectory()
  const personal = {
    found: (filter: object) => filter,
    open: (entry: { json: string }) => ({ ...entry, json: entry.json.replace('enc:x', 'alice') }),
  } as unknown as PersonalReader
  using store = await Store.open({ dir: dir.path, personal })
  const journal = new TestJournal('pdp')
  store.record(journal.message([journal.append({ principal: 'enc:x' })]))
  expect(store.follow({}, { after: 0, limit: 1 }).entries[0]?.json).toContain('"alice"')
  const { batch, through } = await nextBatch(store, TARGET, 0)
  expect(through).toBe(1)
  expect(batch?.body).toContain('"principal":"enc:x"')
  expect(batch?.body).not.toContain('alice')
  expect(await nextBatch(store, TARGET, 1)).toEqual({ through: 1 })
})

test('waits double up to five minutes, differ by chance, and heed the receiver within the bound', () => {
  const longest = [0, 1, 2, 9, 10, 1_000].map((before) =>
    retryWaitMs({ before, askedMs: 0 }, { chance: 1 }),
  )
  expect(longest).toEqual([500, 1_000, 2_000, 256_000, 300_000, 300_000])
  expect(retryWaitMs({ before: 3, askedMs: 0 }, { chance: 0 })).toBe(2_000)
  expect(retryWaitMs({ before: 0, askedMs: 60_000 })).toBe(60_000)
  expect(retryWaitMs({ before: 0, askedMs: 999_999_000 })).toBe(300_000)
})

test('a place moves on disk also where nothing matches for long', async () => {
  await using dir = temporaryDirectory()
  const cursor = new WebhookCursor(dir.path, 'siem', 0)
  const ended = new AbortController()
  const webhook = new Webhook({
    cursor,
    target: TARGET,
    source: {
      lastIndex: 250_000,
      follow: (_, { after }) => ({ entries: [], through: Math.min(after + 16_384, 250_000) }),
      placeOf: () => ({ origin: '', index: 0 }),
    },
    // It has come to the end.
    feed: {
      async next() {
        ended.abort()
        return false
      },
    },
    watch: { delivered() {}, failed() {}, gone() {}, recovered() {} },
    signal: ended.signal,
  })
  await webhook.run()
  expect([webhook.behind, webhook.failing]).toEqual([0, false])
  expect(new WebhookCursor(dir.path, 'siem', 250_000).index).toBeGreaterThan(150_000)
})
