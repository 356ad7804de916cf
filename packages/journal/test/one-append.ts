/**
 * Opens a journal, appends, lets go of what is stored elsewhere, and closes:
 * `node one-append.ts DIR NAME`. It tells what was acknowledged, and what is in the journal:
 *
 *     tried <note>
 *     acknowledged <note>
 *     refused <code>: <message>
 *     stored <note>        so its segment may go
 *     line <note>
 *
 * `verdict torture` runs it with faults at each of its system calls, and then without.
 */
import { readFile } from 'node:fs/promises'
import { type JournalLine, messageOf, parseJournalBatch } from '@verdict/contract'
import { openJournal } from '../src/index.ts'
import { listSegments } from '../src/segment.ts'
import { noting } from './noting.ts'

/** Less than two records: each append begins another segment. */
const SEGMENT_BYTES_MAX = 200

const [dir = '', name = ''] = process.argv.slice(2)
const notes = [`${name}-1`, `${name}-2`]

function tell(what: string): void {
  process.stdout.write(`${what}\n`)
}

function noteOf({ record }: JournalLine): unknown {
  return 'note' in record ? record.note : undefined
}

async function appendAll(): Promise<void> {
  for (const note of notes) tell(`tried ${note}`)
  await using journal = await openJournal({ dir, segmentBytesMax: SEGMENT_BYTES_MAX })
  for (const note of notes) {
    await journal.append(noting(note))
    tell(`acknowledged ${note}`)
  }
  await using reader = journal.reader()
  const first = await reader.next(SEGMENT_BYTES_MAX * notes.length)
  if (first === undefined) return
  for (const line of parseJournalBatch(first.bytes).lines) tell(`stored ${noteOf(line)}`)
  await journal.markShipped({ n: first.lastN, hash: first.lastHash })
  await journal.cover({ epoch: journal.epoch, n: first.lastN })
}

async function tellAll(): Promise<void> {
  for (const segment of await listSegments(dir)) {
    const bytes = await readFile(segment.path)
    if (bytes.length === 0) continue
    for (const line of parseJournalBatch(bytes).lines) tell(`line ${noteOf(line)}`)
  }
}

try {
  await appendAll()
  await tellAll()
} catch (error) {
  tell(
    `refused ${error instanceof Error && 'code' in error ? error.code : ''}: ${messageOf(error)}`,
  )
  process.exitCode = 1
}
