import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { temporaryDirectory, waitFor, writeFiles } from '@verdict/kit'
import { expect, onTestFinished, test, vi } from 'vitest'
import { folderChanges } from './folder-changes.ts'

vi.setConfig({ testTimeout: 60_000 })
const HOUR_MS = 3_600_000
const DEADLINE_MS = 10_000

/** Counts the changes of a folder until the test ends. */
function counted(folder: string, pollMs: number) {
  const stop = new AbortController()
  const seen = { changes: 0, ended: false }
  const counting = (async () => {
    for await (const _ of folderChanges(folder, { pollMs, signal: stop.signal })) seen.changes++
    seen.ended = true
  })()
  const end = async (): Promise<void> => {
    stop.abort()
    await counting
  }
  onTestFinished(end)
  return { seen, end }
}

async function changes(seen: { changes: number }, count: number): Promise<void> {
  await waitFor(() => seen.changes >= count, { deadlineMs: DEADLINE_MS, what: `${count} changes` })
}

test('a change at any depth is told without waiting for the poll', async () => {
  await using folder = temporaryDirectory()
  writeFiles(folder.path, { 'sub/deep/a.rego': '' })
  const { seen } = counted(folder.path, HOUR_MS)
  writeFiles(folder.path, { 'sub/deep/a.rego': 'package a' })
  await changes(seen, 1)
  const before = seen.changes
  rmSync(join(folder.path, 'sub/deep/a.rego'))
  await changes(seen, before + 1)
})

test('without a change the poll tells to look', async () => {
  await using folder = temporaryDirectory()
  const { seen } = counted(folder.path, 10)
  await changes(seen, 3)
})

test('many changes at once are few', async () => {
  await using folder = temporaryDirectory()
  const { seen } = counted(folder.path, HOUR_MS)
  for (let n = 0; n < 200; n++) writeFiles(folder.path, { [`${n}.rego`]: '' })
  await changes(seen, 1)
  expect(seen.changes).toBeLessThan(10)
})

test('a folder that is not there yet is watched as soon as it is', async () => {
  await using scratch = temporaryDirectory()
  const folder = join(scratch.path, 'later')
  const { seen } = counted(folder, 10)
  await changes(seen, 2)
  writeFiles(folder, { 'a.rego': '' })
  await changes(seen, seen.changes + 2)
})

test('an abort ends it at once', async () => {
  await using folder = temporaryDirectory()
  const { seen, end } = counted(folder.path, HOUR_MS)
  await end()
  expect(seen).toEqual({ changes: 0, ended: true })
})
