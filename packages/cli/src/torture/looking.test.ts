import { setTimeout as delay } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { LogReader } from './log-reader.ts'
import { Looking } from './looking.ts'

function readerThat(look: () => Promise<void>): LogReader {
  return { look } as LogReader
}

test('a checkpoint that can not be read is told, unless nobody was to look', async () => {
  let isSound: boolean = true
  let looks = 0
  const reader = readerThat(async () => {
    looks += 1
    if (!isSound) throw new Error('not by the key of the log')
  })
  const looking = new Looking(reader)
  const seen = await looking.away(async () => {
    isSound = false
    const before = looks
    // Longer than the pause between two looks.
    await delay(500)
    isSound = true
    return looks - before
  })
  expect(seen).toBe(0)
  isSound = false
  await expect.poll(() => looks, { timeout: 5_000 }).toBeGreaterThan(1)
  expect(await looking.stop()).toEqual(['not by the key of the log'])
})
