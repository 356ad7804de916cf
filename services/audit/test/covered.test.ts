import { onCovered, storeBatch } from '@verdict/bus'
import type { Covered } from '@verdict/contract'
import { ServiceProcess, startBus, TestJournal, temporaryDirectory, waitFor } from '@verdict/kit'
import { expect, test } from 'vitest'

const SOON = { deadlineMs: 20_000 }

test('decision points are told how far checkpoints cover their journals', async () => {
  await using bus = await startBus()
  await using dir = temporaryDirectory()
  const heard: Covered[] = []
  const listener = await bus.connect('authz-serve')
  onCovered(listener, (covered) => heard.push(covered))
  await listener.flush()
  const recorder = await bus.connect('authz-record')
  const journal = new TestJournal('pdp')
  const lines = journal.appendAll(6)
  const store = async (from: number, to: number): Promise<void> => {
    const message = journal.sealed(lines.slice(from - 1, to))
    await storeBatch(recorder, journal.subject, message, { timeoutMs: 5_000 })
  }
  const settings = { VERDICT_AUDIT_DATA_DIR: dir.path, VERDICT_AUDIT_AUTHORIZATION: 'off' }
  {
    await using audit = await ServiceProcess.start('audit', bus, settings)
    await store(1, 2)
    await waitFor(() => heard.some(({ n }) => n === 2), { ...SOON, what: 'the first message' })
    const { origin } = await audit.get<{ origin: string }>('/v1/log')
    expect(heard.at(-1)).toEqual({
      ...{ instance: 'pdp', epoch: 1, n: 2 },
      checkpoint: { origin: expect.stringContaining(origin), size: expect.any(Number) },
    })
    // What is behind a gap is in the log, and not told of.
    await store(5, 6)
    await store(3, 3)
    await waitFor(() => heard.some(({ n }) => n > 2), { ...SOON, what: 'the third record' })
    expect(heard.at(-1)?.n).toBe(3)
    await store(4, 4)
    await waitFor(() => heard.some(({ n }) => n === 6), { ...SOON, what: 'the rest' })
    expect(heard.map(({ n }) => n)).toEqual(heard.map(({ n }) => n).toSorted())
  }
  heard.length = 0
  await using _again = await ServiceProcess.start('audit', bus, settings)
  await waitFor(() => heard.some(({ n }) => n === 6), { ...SOON, what: 'what was covered before' })
})
