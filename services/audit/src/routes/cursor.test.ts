import { rmSync } from 'node:fs'
import path from 'node:path'
import { TestJournal, temporaryDirectory } from '@verdict/kit'
import { expect, test } from 'vitest'
import { ServedLog } from '../../test/served-log.ts'
import { Store } from '../store.ts'
import { cursorParameter, cursorText, searchOf } from './cursor.ts'

test('a cursor says where a search goes on, and of which one it is', () => {
  const search = searchOf({ principal: 'alice', from: 1 })
  expect(search).toBe(searchOf({ from: 1, principal: 'alice' }))
  expect(search).not.toBe(searchOf({ from: 2, principal: 'alice' }))
  const text = cursorText(4_711, search)
  expect(text).not.toContain('4711')
  expect(cursorParameter.parse(text)).toEqual({ before: 4_711, search })
})

test.each([
  '0',
  '',
  'x',
  '-1',
  'abcdefgh',
  `${cursorText(3, 'x')}`,
  `${cursorText(0, 'abcdefgh')}`,
])('`%s` is no cursor', (text) => {
  expect(cursorParameter.parse(text)).toBeUndefined()
})

test('a cursor of another search is refused', async () => {
  await using log = await ServedLog.start()
  const journal = new TestJournal('pdp')
  journal.appendAll(4, { principal: 'alice' })
  log.record(journal.message(journal.lines))
  const { body } = await log.get('/v1/decisions?principal=alice&limit=2')
  const again = await log.get(`/v1/decisions?principal=alice&after=${body.next}`)
  expect(again.body.decisions?.map(({ index }) => index)).toEqual([2, 1])
  for (const other of ['', '&principal=bob', '&principal=alice&outcome=deny']) {
    const { status, body: refused } = await log.get(`/v1/decisions?after=${body.next}${other}`)
    expect([status, refused.error?.code]).toEqual([400, 'bad_request'])
    expect(refused.error?.message).toContain('another search')
  }
})

test('where a search goes on stays when the index is built again', async () => {
  await using dir = temporaryDirectory()
  const journal = new TestJournal('pdp')
  const lines = journal.appendAll(6)
  const pageOf = async (before?: number) => {
    using store = await Store.open({ dir: dir.path })
    if (before === undefined) store.record(journal.message(lines))
    const page = { limit: 2, ...(before === undefined ? {} : { before }) }
    const { entries, next } = await store.page({ principal: 'alice' }, page)
    return { indices: entries.map(({ index }) => index), next }
  }
  const first = await pageOf()
  expect(first.indices).toEqual([6, 5])
  for (const suffix of ['', '-wal', '-shm']) {
    rmSync(path.join(dir.path, `index.db${suffix}`), { force: true })
  }
  expect((await pageOf(first.next)).indices).toEqual([4, 3])
})
