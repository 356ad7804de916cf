import { closeSync, fdatasyncSync, openSync, readFileSync, writeSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { join } from 'node:path'
import { temporaryDirectory } from '@verdict/kit'

/** Of Linux: the unit of the CPU times in /proc. */
const TICK_US = 10_000
const SYNCS = 100
const SYNC_BYTES = 4_096

/** User and system time of all threads of a process. */
export function cpuTimeUs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
  return (Number(fields[11]) + Number(fields[12])) * TICK_US
}

/** What a process holds in memory now. */
export function residentMegabytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0) / 1_024
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[sorted.length >> 1] ?? 0
}

/** What the file system syncs a second, one small write after the other. */
export async function syncsPerSecond(): Promise<number> {
  return 1_000 / (await syncMs())
}

/** The median of many small writes that are made durable, in ms. */
async function syncMs(): Promise<number> {
  await using directory = temporaryDirectory()
  const file = openSync(join(directory.path, 'syncs'), 'w')
  try {
    const times = Array.from({ length: SYNCS }, () => {
      const began = performance.now()
      writeSync(file, Buffer.alloc(SYNC_BYTES, 1))
      fdatasyncSync(file)
      return performance.now() - began
    })
    return median(times)
  } finally {
    closeSync(file)
  }
}

/** The facts without which the figures mean nothing. */
export async function machineFacts(): Promise<string> {
  const cores = cpus()
  const model = cores[0]?.model.trim() ?? 'unknown'
  const sync = (await syncMs()).toFixed(2)
  // Above nothing, others are at work, and all figures are worse than they need be.
  const load = (loadavg()[0] ?? 0).toFixed(1)
  const { node } = process.versions
  return `${cores.length} cores (${model}), Node ${node}, fdatasync ${sync} ms, load ${load} before`
}
