/**
 * What an append costs: `node packages/journal/bench/journal.bench.ts`. As many callers as the
 * column `waiting` says append one record each, wait for it, and append the next: with and without
 * waiting for the disk, and with and without a shipper that seals what it reads. The figures are of
 * the records alone, so `p50` and `p99` are what a journal adds to an answer.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { JournalPosition } from '@verdict/contract'
import { type Journal, openJournal, shipJournal } from '../src/index.ts'
import { type FileOperations, nodeFileOperations } from '../src/segment-writer.ts'

const WAITING = [1, 32, 256]
const WARM_UP_MS = 500
const RUN_MS = 2_000
const BYTES_MAX = 4 * 1024 ** 3
const RECORD_BYTES = 700
const DRAIN_MS = 10_000

/** One way of keeping records. */
interface Mode {
  readonly fsync: boolean
  /** Whether batches are read and sealed meanwhile, for a stream that takes them at once. */
  readonly seal: boolean
}

const MODES: readonly Mode[] = [
  { fsync: true, seal: true },
  { fsync: true, seal: false },
  { fsync: false, seal: true },
  { fsync: false, seal: false },
]

const unsynced: FileOperations = { ...nodeFileOperations, fdatasync: async () => undefined }

function encode({ instance, epoch, n }: JournalPosition): string {
  const json = `{"epoch":${epoch},"id":"","instance":"${instance}","n":${n},"v":1,"x":""}`
  return json.replace('"x":""', `"x":"${'x'.repeat(RECORD_BYTES - json.length)}"`)
}

async function load(journal: Journal, waiting: number, durationMs: number): Promise<number[]> {
  const latenciesMs: number[] = []
  const end = performance.now() + durationMs
  async function caller(): Promise<void> {
    for (let now = performance.now(); now < end; ) {
      await journal.append(encode)
      const answered = performance.now()
      latenciesMs.push(answered - now)
      now = answered
    }
  }
  await Promise.all(Array.from({ length: waiting }, caller))
  return latenciesMs.sort((a, b) => a - b)
}

/** Ships to nowhere; ends with all that is there sealed. */
function sealing(journal: Journal): AsyncDisposable {
  const ending = new AbortController()
  const shipper = shipJournal({
    journal,
    store: async () => undefined,
    onEvent: () => undefined,
    signal: ending.signal,
  })
  return {
    async [Symbol.asyncDispose]() {
      await shipper.drain(DRAIN_MS)
      ending.abort()
      await shipper.done
    },
  }
}

async function measure(waiting: number, { fsync, seal }: Mode): Promise<string> {
  const dir = await mkdtemp(path.join(tmpdir(), 'verdict-bench-'))
  try {
    const files = fsync ? nodeFileOperations : unsynced
    await using journal = await openJournal({ dir, bytesMax: BYTES_MAX, files })
    await using _sealing = seal ? sealing(journal) : undefined
    await load(journal, waiting, WARM_UP_MS)
    const before = journal.stats()
    const cpu = process.cpuUsage()
    const began = performance.now()
    const latenciesMs = await load(journal, waiting, RUN_MS)
    const { user, system } = process.cpuUsage(cpu)
    const seconds = (performance.now() - began) / 1000
    const after = journal.stats()
    const records = after.records - before.records
    const quantile = (q: number): string =>
      (latenciesMs[Math.floor(q * (latenciesMs.length - 1))] ?? Number.NaN).toFixed(2)
    return [
      fsync ? 'yes' : 'no',
      seal ? 'yes' : 'no',
      waiting,
      Math.round(records / seconds),
      ((user + system) / records).toFixed(1),
      (user / records).toFixed(1),
      (records / (after.commits - before.commits)).toFixed(1),
      quantile(0.5),
      quantile(0.99),
    ].join('\t')
  } finally {
    await rm(dir, { recursive: true })
  }
}

const columns = ['fsync', 'seal', 'waiting', 'records/s', 'µs CPU', 'µs user', 'group']
process.stdout.write(`${[...columns, 'p50 ms', 'p99 ms'].join('\t')}\n`)
for (const mode of MODES) {
  for (const waiting of WAITING) process.stdout.write(`${await measure(waiting, mode)}\n`)
}
