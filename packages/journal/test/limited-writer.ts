/**
 * Appends groups of records until the disk refuses: `node limited-writer.ts DIR`. It prints how
 * many were acknowledged, with which codes the others failed, and the faults it was told.
 */
import { type JournalError, openJournal } from '../src/index.ts'
import { noting } from './noting.ts'

const GROUPS_MAX = 1_000
const GROUP = 10
const NOTE = 'x'.repeat(300)

const [dir = ''] = process.argv.slice(2)
const faults: string[] = []
const codes = new Set<string>()
let acknowledged = 0
const journal = await openJournal({ dir, onFault: (failure) => faults.push(failure.message) })
for (let group = 0; group < GROUPS_MAX && !journal.failure; group += 1) {
  const appends = Array.from({ length: GROUP }, () => journal.append(noting(NOTE)))
  for (const outcome of await Promise.allSettled(appends)) {
    if (outcome.status === 'fulfilled') acknowledged += 1
    else codes.add((outcome.reason as JournalError).code)
  }
}
await journal.close()
process.stdout.write(JSON.stringify({ acknowledged, codes: [...codes], faults }))
