import { TestJournal } from '@verdict/kit'
import { expect, test } from 'vitest'
import { readJournalMessage } from './journal-message.ts'

test.each<[string, (text: string) => string, string]>([
  [
    'a record',
    (text) => text.replace('"epoch":1,"id"', '"epoch": 1,"id"'),
    'the JSON of a line is not canonical',
  ],
  [
    'keys',
    (text) => text.replace('"v":1}\n{"seal', '"v":1,"a":1}\n{"seal'),
    'the JSON of a line is not',
  ],
  ['a key of a journal', (text) => text.replace('"from":1', '"from": 1'), 'a journalKey: '],
  ['a seal', (text) => text.replace(/"v":1\}\n$/, '"v": 1}\n'), 'a seal: '],
])('a message is refused in which %s could be written in two ways', (_what, change, problem) => {
  const journal = new TestJournal('pdp')
  const message = journal.message(journal.appendAll(2))
  expect(readJournalMessage(message)).toMatchObject({ lines: [{}, {}], controls: [{}, {}] })
  const text = change(Buffer.from(message.data).toString())
  expect(text).not.toBe(Buffer.from(message.data).toString())
  expect(readJournalMessage({ ...message, data: Buffer.from(text) })).toEqual({
    malformed: expect.stringContaining(problem),
  })
})
