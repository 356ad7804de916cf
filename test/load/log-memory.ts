import { RecordSource } from '@verdict/kit'
import { LogRun } from './log-run.ts'
import { residentMegabytes } from './machine.ts'

const STEPS = 10
const TOGETHER = 700

/** What the audit service holds, with so many records in its log. */
export interface MemoryStep {
  readonly records: number
  /** Of the process, and of that the heap in use. */
  readonly megabytes: number
  readonly heapMegabytes: number
}

/** Sends records through the stream, and looks ten times. */
export async function* memorySteps(records: number): AsyncGenerator<MemoryStep> {
  await using run = await LogRun.start()
  const source = new RecordSource('bench-memory')
  await run.startAudit()
  for (let step = 1; step <= STEPS; step++) {
    const to = Math.round((records * step) / STEPS)
    await run.fill(source, to - source.last.n, TOGETHER)
    await run.covered(source.instance, to)
    const heap = /^nodejs_heap_size_used_bytes (\S+)$/m.exec(await run.audit.metrics())?.[1]
    const heapMegabytes = Number(heap) / 1024 ** 2
    yield { records: to, megabytes: residentMegabytes(run.audit.pid), heapMegabytes }
  }
}
