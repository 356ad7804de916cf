/**
 * Appends under load until it is killed: `node appender.ts DIR SINK ROUND`. It prints the number
 * and the note of each record that was acknowledged, and ships what it can into files of SINK.
 */
import { randomUUID } from 'node:crypto'
import { renameSync, writeFileSync, writeSync } from 'node:fs'
import path from 'node:path'
import { openJournal, shipJournal } from '../src/index.ts'
import { noting } from './noting.ts'

const CALLERS = 32
const SEGMENT_BYTES_MAX = 64 * 1024
const STDOUT = 1

const [dir = '', sink = '', round = ''] = process.argv.slice(2)
const journal = await openJournal({ dir, segmentBytesMax: SEGMENT_BYTES_MAX })
let batches = 0
shipJournal({
  journal,
  store: async (batch) => {
    batches += 1
    const file = path.join(sink, `${round.padStart(4, '0')}-${String(batches).padStart(8, '0')}`)
    writeFileSync(`${file}.part`, batch)
    renameSync(`${file}.part`, `${file}.batch`)
  },
  lingerMs: 1,
  onEvent: () => {},
  signal: new AbortController().signal,
})

async function caller(): Promise<never> {
  for (;;) {
    const note = randomUUID()
    const { n } = await journal.append(noting(note))
    writeSync(STDOUT, `${n} ${note}\n`)
  }
}

await Promise.all(Array.from({ length: CALLERS }, caller))
