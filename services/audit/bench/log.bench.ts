/**
 * What the log costs on a disk: `node services/audit/bench/log.bench.ts [folder]`. First how often
 * the file system syncs, then records a second into the log alone and into the store, which has the
 * index, too, by how many come together; `for a sync` is the ratio of both. Checkpoints are made as
 * often as in service. The last rows group the messages of the ones before, as the service does.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setImmediate as yieldToOthers } from 'node:timers/promises'
import { TestJournal, type TestMessage } from '@verdict/kit'
import { createSigner, KeyAlgorithm } from '@verdict/tlog'
import { decisionLeaf } from '../src/log/leaf.ts'
import { SqliteLockRecord } from '../src/log/lock-record.ts'
import { diskFs } from '../src/log/log-fs.ts'
import { CHECKPOINT_MS } from '../src/log/publisher.ts'
import { TileLog } from '../src/log/tile-log.ts'
import { Store } from '../src/store.ts'

const RUN_MS = 4_000
const BATCHES = [1, 16, 128, 700]
const STORED_RECORDS = 60_000
/** Messages that share a sync, by how many records each has: about a MiB. */
const GROUPS = [
  [1, 32],
  [16, 32],
  [128, 12],
] as const
const signer = createSigner('bench.example', KeyAlgorithm.ed25519, new Uint8Array(32).fill(1))
const journal = new TestJournal('bench')
const lines = journal.appendAll(STORED_RECORDS)
const root = mkdtempSync(path.join(process.argv[2] ?? tmpdir(), 'verdict-bench-'))

let syncsPerSecond = Number.NaN

/** Runs for a while, or until `once` has nothing more to do; tells how many a second. */
async function measure(what: string, once: () => number | Promise<number>): Promise<number> {
  const startedAt = performance.now()
  const cpu = process.cpuUsage()
  let count = 0
  let longestMs = 0
  for (let now = startedAt; now - startedAt < RUN_MS; ) {
    const done = await once()
    if (done === 0) break
    count += done
    const after = performance.now()
    longestMs = Math.max(longestMs, after - now)
    now = after
  }
  const perSecond = Math.round((count * 1_000) / (performance.now() - startedAt))
  const { user, system } = process.cpuUsage(cpu)
  const cpuUs = ((user + system) / count).toFixed(1)
  print(
    what,
    perSecond,
    cpuUs,
    longestMs.toFixed(1),
    (perSecond / (syncsPerSecond || perSecond)).toFixed(1),
  )
  return perSecond
}

function print(what: string, ...columns: readonly (number | string)[]): void {
  process.stdout.write(`${[what.padEnd(30), ...columns].join('\t')}\n`)
}

async function measureSyncs(bytes: number): Promise<void> {
  const file = diskFs(root).open(`sync-${bytes}`)
  const block = Buffer.alloc(bytes, 'x')
  let at = 0
  const perSecond = await measure(`fsync of ${bytes} bytes`, () => {
    file.write(block, at)
    file.sync()
    at += bytes
    return 1
  })
  // The first is of a small write: as often as the file system can sync at all.
  if (Number.isNaN(syncsPerSecond)) syncsPerSecond = perSecond
  file.close()
}

async function measureLog(batch: number): Promise<void> {
  const dir = path.join(root, `log-${batch}`)
  mkdirSync(dir)
  using lock = new SqliteLockRecord(path.join(dir, 'lock.db'))
  using log = await TileLog.open({ fs: diskFs(dir), lock, signer })
  const leaves = new TestJournal('bench').appendAll(batch).map(decisionLeaf)
  let publishedAt = performance.now()
  await measure(`log, ${batch} together`, () => {
    for (const leaf of leaves) log.append(leaf)
    log.commit()
    if (performance.now() - publishedAt > CHECKPOINT_MS) {
      log.publish()
      publishedAt = performance.now()
    }
    return batch
  })
}

async function measureStore(batch: number, group = 1): Promise<void> {
  const messages = messagesOf(batch)
  using store = await Store.open({ dir: path.join(root, `store-${batch}-${group}`) })
  const what = group === 1 ? `${batch} together` : `${group} messages of ${batch}`
  await measure(`log and index, ${what}`, async () => {
    // As between two groups, when checkpoints are due, too.
    await yieldToOthers()
    const recorded = store.recordAll(messages.splice(0, group))
    return recorded.reduce((sum, { stored }) => sum + stored.length, 0)
  })
}

function messagesOf(batch: number): TestMessage[] {
  return Array.from({ length: Math.ceil(lines.length / batch) }, (_, at) =>
    journal.message(lines.slice(at * batch, (at + 1) * batch), at + 1),
  )
}

try {
  print('what', 'per second', 'µs CPU each', 'longest, ms', 'for a sync')
  for (const bytes of [1_024, 128 * 1_024]) await measureSyncs(bytes)
  for (const batch of BATCHES) await measureLog(batch)
  for (const batch of BATCHES) await measureStore(batch)
  for (const [batch, group] of GROUPS) await measureStore(batch, group)
} finally {
  rmSync(root, { recursive: true, force: true })
}
