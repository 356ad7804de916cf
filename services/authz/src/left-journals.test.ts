import { join } from 'node:path'
import { newDecisionId, parseJournalBatch } from '@verdict/contract'
import { type Journal, openJournal, Resender, shipJournal } from '@verdict/journal'
import { temporaryDirectory, waitFor } from '@verdict/kit'
import { expect, test } from 'vitest'
import { LeftJournals } from './left-journals.ts'

const SOON = { deadlineMs: 10_000 }

/** A stream that takes all, and what it was given. */
function stream() {
  const messages: number[][] = []
  const store = async (message: Uint8Array): Promise<void> => {
    messages.push(parseJournalBatch(message).lines.map(({ record }) => record.n))
  }
  const shared = { store, onEvent: () => undefined }
  return {
    messages,
    ship: (journal: Journal, signal: AbortSignal) => shipJournal({ journal, signal, ...shared }),
    resend: (journal: Journal, signal: AbortSignal) => {
      return new Resender({ journal, signal, afterMs: 20, ...shared })
    },
  }
}

test('what the stream has lost of a journal that nobody continues is sent again', async () => {
  await using directory = temporaryDirectory()
  const dir = join(directory.path, 'journal-2')
  const time = new Date().toISOString()
  let covered = { instance: '', epoch: 0, n: 1, checkpoint: { origin: 'log', size: 1 } }
  {
    await using journal = await openJournal({ dir })
    const { instance, epoch } = journal
    covered = { ...covered, instance, epoch }
    for (let count = 0; count < 3; count += 1) {
      await journal.append((position) =>
        JSON.stringify({ ...position, id: newDecisionId(), outcome: 'allow', time, v: 1 }),
      )
    }
  }
  const shipping = stream()
  const events = { leftJournalShipped: () => undefined, leftJournalFailed: expect.unreachable }
  await using left = new LeftJournals({ dirs: [dir], shipping, events })
  const { messages } = shipping
  await waitFor(() => messages.length === 1, { ...SOON, what: 'the journal to be shipped' })
  left.covered({ ...covered, instance: 'other' })
  left.covered(covered)
  await waitFor(() => messages.length === 2, { ...SOON, what: 'the rest to be sent again' })
  expect(messages).toEqual([
    [1, 2, 3],
    [2, 3],
  ])
  left.covered({ ...covered, n: 3 })
  // It is let go of when the log has all of it.
  const again = async (): Promise<Journal | undefined> => {
    return await openJournal({ dir }).catch(() => undefined)
  }
  await using _free = await waitFor(again, { ...SOON, what: 'the journal to be free' })
})
