import path from 'node:path'
import { TestJournal, temporaryDirectory, waitFor } from '@verdict/kit'
import { expect, test } from 'vitest'
import { SqliteLockRecord } from '../log/lock-record.ts'
import { Store } from '../store.ts'

test('the lock record is changed by its newest writer alone', async () => {
  await using dir = temporaryDirectory()
  const file = path.join(dir.path, 'lock.db')
  using first = new SqliteLockRecord(file)
  expect(first.replace(undefined, 'one')).toBe(true)
  expect(() => new SqliteLockRecord(file)).toThrow(
    expect.objectContaining({ code: 'data_dir_in_use' }),
  )
  expect(first.isHeld()).toBe(true)
  using second = new SqliteLockRecord(file, { takeOver: true })
  expect([first.isHeld(), first.replace('one', 'two')]).toEqual([false, false])
  expect([second.isHeld(), second.read()]).toEqual([true, 'one'])
  expect(second.replace('one', 'two')).toBe(true)
  // Whoever comes next is kept out by the one that took over.
  expect(() => new SqliteLockRecord(file)).toThrow(
    expect.objectContaining({ code: 'data_dir_in_use' }),
  )
})

test('a writer that was taken for dead acknowledges nothing and signs nothing', async () => {
  await using dir = temporaryDirectory()
  const failures: unknown[] = []
  const watch = {
    opened: () => undefined,
    progress: () => undefined,
    published: () => undefined,
    failed: (error: unknown) => void failures.push(error),
  }
  const hung = await Store.open({ dir: dir.path, watch, checkpointMs: 60_000 })
  const journal = new TestJournal('pdp')
  hung.record(journal.message(journal.appendAll(5), 1))
  const { size } = hung.published
  using next = await Store.open({ dir: dir.path, takeOver: true })
  // What the first one has acknowledged is in the log of the second.
  expect(next.lastIndex).toBe(5)
  const lost = expect.objectContaining({ code: 'lock_lost' })
  const late = journal.message(journal.appendAll(5), 2)
  expect(() => hung.record(late)).toThrow(lost)
  next.record(late)
  expect([next.lastIndex, hung.published.size]).toEqual([10, size])
  await waitFor(() => failures.length > 0, { deadlineMs: 10_000, what: 'it to find out by itself' })
  expect(failures[0]).toEqual(lost)
  hung[Symbol.dispose]()
  const receipt = await next.receipt(journal.lines[9]?.record.id ?? '')
  expect(receipt).toContain('tlog-proof@v1')
})
