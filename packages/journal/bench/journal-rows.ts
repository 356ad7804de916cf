import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { JournalPosition } from '@verdict/contract'
import { type Journal, openJournal, shipJournal } from '../src/index.ts'
import { type FileOperations, nodeFileOperations } from '../src/segment-writer.ts'

const WAITING = [1, 32, 256]
const BYTES_MAX = 4 * 1024 ** 3
const RECORD_BYTES = 700
const DRAIN_MS = 10_000

export interface JournalTiming {
  readonly warmUpMs: number
  readonly runMs: number
  /** Callers that wait at one time; default: WAITING. */
  readonly waiting?: readonly number[]
}

/** One way of keeping records. */
export interface JournalMode {
  readonly fsync: boolean
  /** Whether batches are read and sealed meanwhile, for a stream that takes them at once. */
  readonly seal: boolean
}

/** What it costs. */
export interface JournalRow extends JournalMode {
  readonly waiting: number
  readonly perSecond: number
  /** Of all threads, for each record. */
  readonly cpuUs: number
  /** Records that share a sync. */
  readonly group: number
  /** What an answer waits for its record, in ms. */
  readonly p50: number
  readonly p99: number
}

const MODES: readonly JournalMode[] = [
  { fsync: true, seal: true },
  { fsync: true, seal: false },
  { fsync: false, seal: true },
  { fsync: false, seal: false },
]

const unsynced: FileOperations = { ...nodeFileOperations, fdatasync: async () => undefined }

/** All ways, each with few and many that wait. */
export async function* journalRows(timing: JournalTiming): AsyncGenerator<JournalRow> {
  for (const mode of MODES) {
    for (const waiting of timing.waiting ?? WAITING) yield await measure(waiting, mode, timing)
  }
}

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

async function measure(
  waiting: number,
  mode: JournalMode,
  { warmUpMs, runMs }: JournalTiming,
): Promise<JournalRow> {
  const dir = await mkdtemp(path.join(tmpdir(), 'verdict-bench-'))
  try {
    const files = mode.fsync ? nodeFileOperations : unsynced
    await using journal = await openJournal({ dir, bytesMax: BYTES_MAX, files })
    await using _sealing = mode.seal ? sealing(journal) : undefined
    await load(journal, waiting, warmUpMs)
    const before = journal.stats()
    const cpu = process.cpuUsage()
    const began = performance.now()
    const latenciesMs = await load(journal, waiting, runMs)
    const { user, system } = process.cpuUsage(cpu)
    const seconds = (performance.now() - began) / 1000
    const after = journal.stats()
    const records = after.records - before.records
    const quantile = (q: number): number =>
      latenciesMs[Math.floor(q * (latenciesMs.length - 1))] ?? Number.NaN
    return {
      ...mode,
      waiting,
      perSecond: records / seconds,
      cpuUs: (user + system) / records,
      group: records / (after.commits - before.commits),
      p50: quantile(0.5),
      p99: quantile(0.99),
    }
  } finally {
    await rm(dir, { recursive: true })
  }
}
