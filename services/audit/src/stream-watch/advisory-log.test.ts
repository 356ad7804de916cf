import { waitFor } from '@verdict/kit'
import { expect, test } from 'vitest'
import { ADVISORIES_MAX, AdvisoryLog } from './advisory-log.ts'

const advisory = { type: 'io.nats.jetstream.advisory.v1.stream_action', stream: 'DECISIONS' }

test('a flood of advisories is counted, and the count is on the record', async () => {
  const written: Readonly<Record<string, unknown>>[] = []
  const told: boolean[] = []
  using log = new AdvisoryLog({
    write: (body) => written.push(body),
    onAdvisory: ({ recorded }) => told.push(recorded),
    windowMs: 20,
  })
  for (let i = 0; i < ADVISORIES_MAX + 5; i++) log.take(advisory)
  expect(written).toEqual(Array.from({ length: ADVISORIES_MAX }, () => advisory))
  expect(told.filter((recorded) => !recorded)).toHaveLength(5)
  await waitFor(() => written.length > ADVISORIES_MAX, { deadlineMs: 5_000, what: 'the count' })
  expect(written.at(-1)).toMatchObject({ type: 'left_out', count: 5 })
  log.take(advisory)
  expect(written.at(-1)).toEqual(advisory)
})

test('what could not be written is counted, too, and said as soon as it can be', () => {
  const written: Readonly<Record<string, unknown>>[] = []
  let isFull = true
  {
    using log = new AdvisoryLog({
      write: (body) => {
        if (isFull) throw new Error('the disk is full')
        written.push(body)
      },
      onAdvisory: () => undefined,
    })
    log.take(advisory)
    log.take(advisory)
    isFull = false
  }
  expect(written).toEqual([expect.objectContaining({ type: 'left_out', count: 2 })])
})
