import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { RecordSource, temporaryDirectory, waitFor } from '@verdict/kit'
import { expect, test } from 'vitest'
import { Store } from './store.ts'

const MIB = 1024 ** 2
const WARM_UP = 8_000
const RECORDS = 16_000
/** A hundred bytes kept of each record would be more. */
const GROWTH_MAX = MIB
const LOOKS = 5

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** What is held. Bytes outside of the heap are let go of by another thread, somewhat later. */
function held(): number {
  collectGarbage()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

/** `npm run bench -- --only memory` is the same of a service and a million records. */
test('a log that grows holds no more than when it was warm', { timeout: 60_000 }, async () => {
  await using directory = temporaryDirectory()
  using store = await Store.open({ dir: directory.path, checkpointMs: 1 })
  const source = new RecordSource('pdp')
  const record = async (count: number): Promise<void> => {
    for (const end = source.last.n + count; source.last.n < end; ) {
      store.recordAll([source.message(400), source.message(400)])
      await waitFor(() => store.published.size > source.last.n, {
        deadlineMs: 10_000,
        what: 'its checkpoint',
      })
    }
  }
  await record(WARM_UP)
  let warm = Number.POSITIVE_INFINITY
  for (let look = 0; look < LOOKS; look++) {
    warm = Math.min(warm, held())
    await new Promise((resolve) => void setImmediate(resolve))
  }
  await record(RECORDS)
  expect(store.lastIndex).toBe(WARM_UP + RECORDS)
  await waitFor(() => held() - warm < GROWTH_MAX, {
    deadlineMs: 10_000,
    what: 'what is not needed any more to go',
  })
})
