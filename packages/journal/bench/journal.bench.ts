/**
 * What an append costs: `node packages/journal/bench/journal.bench.ts`. As many callers as the
 * first column says append one record each, wait for it, and append the next.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { JournalPosition } from '@verdict/contract'
import { type Journal, openJournal } from '../src/index.ts'

const WAITING = [1, 32, 256]
const WARM_UP_MS = 500
const RUN_MS = 2_000
const BYTES_MAX = 4 * 1024 ** 3
const RECORD_BYTES = 700

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

async function measure(waiting: number): Promise<string> {
  const dir = await mkdtemp(path.join(tmpdir(), 'verdict-bench-'))
  try {
    await using journal = await openJournal({ dir, bytesMax: BYTES_MAX })
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

const columns = ['waiting', 'records/s', 'µs CPU', 'µs user', 'group', 'p50 ms', 'p99 ms']
process.stdout.write(`${columns.join('\t')}\n`)
for (const waiting of WAITING) process.stdout.write(`${await measure(waiting)}\n`)
