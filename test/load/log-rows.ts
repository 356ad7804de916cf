import { principalOf, RecordSource } from '@verdict/kit'
import { quantile } from './load.ts'
import { LogRun } from './log-run.ts'
import { residentMegabytes, syncsPerSecond } from './machine.ts'

/** How much is measured. */
export interface LogLength {
  /** For each row of the table. */
  readonly records: number
  readonly receiptsMs: number
  readonly receiptsPerSecond: number
  readonly searches: number
}

export const FULL_LOG: LogLength = {
  records: 100_000,
  receiptsMs: 10_000,
  receiptsPerSecond: 4_000,
  searches: 500,
}
export const QUICK_LOG: LogLength = {
  records: 50_000,
  receiptsMs: 3_000,
  receiptsPerSecond: 2_000,
  searches: 100,
}

/** Records of a message: of a decision point that is asked little and much. */
const TOGETHER = [128, 700] as const
const RECEIPT_BATCHES_PER_SECOND = 20
const RECEIPT_RETRY_MS = 10
const SEARCH_WINDOW_MS = 600_000
const SEARCH_LIMIT = 50

/** What one way to send records costs the audit service. */
export interface LogRow {
  readonly name: string
  /** Records under a published checkpoint. */
  readonly perSecond: number
  /** Of the audit service for each record, and of the nats-server. */
  readonly auditUs: number
  readonly serverUs: number
  /** What the file system can sync a second, one after the other, measured just before. */
  readonly syncsPerSecond: number
  readonly megabytes: number
}

export interface LogFigures {
  readonly rows: readonly LogRow[]
  readonly receipts: Latencies & { readonly perSecond: number }
  readonly searches: Latencies & { readonly records: number; readonly found: number }
}

export interface Latencies {
  readonly count: number
  readonly p50: number
  readonly p99: number
}

/** The whole way: from the stream into the log, and out of it again. */
export async function logFigures(length: LogLength): Promise<LogFigures> {
  await using run = await LogRun.start()
  const rows: LogRow[] = []
  const began = Date.now()
  for (const each of TOGETHER) rows.push(await throughput(run, each, length))
  await run.startAudit()
  const searches = await search(run, { length, fromMs: began })
  const receipts = await receiptLatencies(run, length)
  return { rows, receipts, searches }
}

/**
 * The stream holds all records before the service starts, so nothing else takes its time. The clock
 * runs from the first checkpoint that it makes of them to the last.
 */
async function throughput(run: LogRun, each: number, { records }: LogLength): Promise<LogRow> {
  const source = new RecordSource(`bench-${each}`)
  await run.fill(source, records, each)
  const syncs = await syncsPerSecond()
  await run.startAudit()
  const first = await run.covered(source.instance, 1)
  const last = await run.covered(source.instance, records)
  const counted = last.n - first.n
  const row = {
    name: `${each} records in a message`,
    perSecond: (counted * 1_000) / (last.atMs - first.atMs),
    auditUs: (last.auditUs - first.auditUs) / counted,
    serverUs: (last.serverUs - first.serverUs) / counted,
    syncsPerSecond: syncs,
    megabytes: residentMegabytes(run.audit.pid),
  }
  await run.stopAudit()
  return row
}

/** Who did what within ten minutes: one principal of 2,000, of all that is in the log. */
async function search(
  run: LogRun,
  { length, fromMs }: { length: LogLength; fromMs: number },
): Promise<LogFigures['searches']> {
  const latenciesMs: number[] = []
  let found = 0
  for (let i = 0; i < length.searches; i++) {
    const query = new URLSearchParams({
      principal: principalOf(i * 7),
      from: new Date(fromMs).toISOString(),
      to: new Date(fromMs + SEARCH_WINDOW_MS).toISOString(),
      limit: String(SEARCH_LIMIT),
    })
    const asked = performance.now()
    const page = await run.audit.get<{ decisions: unknown[] }>(`/v1/decisions?${query}`)
    latenciesMs.push(performance.now() - asked)
    found += page.decisions.length
  }
  const records = TOGETHER.length * length.records
  return { ...latenciesOf(latenciesMs), records, found: found / length.searches }
}

/** From the time of a decision to a receipt of it in hand, while others are recorded. */
async function receiptLatencies(run: LogRun, length: LogLength): Promise<LogFigures['receipts']> {
  const source = new RecordSource('bench-receipts')
  const latenciesMs: number[] = []
  const asking: Promise<void>[] = []
  const each = Math.ceil(length.receiptsPerSecond / RECEIPT_BATCHES_PER_SECOND)
  const began = performance.now()
  for (let batch = 0; ; batch++) {
    const dueMs = began + (batch * 1_000) / RECEIPT_BATCHES_PER_SECOND
    if (dueMs - began >= length.receiptsMs) break
    await pause(Math.max(0, dueMs - performance.now()))
    const decidedMs = Date.now()
    await run.store(source, each, () => decidedMs)
    const { id } = source.last
    asking.push(
      receiptOf(run, id).then(() => {
        latenciesMs.push(Date.now() - decidedMs)
      }),
    )
  }
  await Promise.all(asking)
  const seconds = (performance.now() - began) / 1_000
  return { ...latenciesOf(latenciesMs), perSecond: source.last.n / seconds }
}

/** The log does not know a decision that is on its way. */
async function receiptOf(run: LogRun, id: string): Promise<void> {
  for (;;) {
    const answer = await fetch(run.audit.url(`/v1/decisions/${id}/receipt`))
    await answer.arrayBuffer()
    if (answer.ok) return
    if (answer.status !== 404 && answer.status !== 503) {
      throw new Error(`there is no receipt of ${id}: ${answer.status}`)
    }
    await pause(RECEIPT_RETRY_MS)
  }
}

function latenciesOf(latenciesMs: readonly number[]): Latencies {
  const figures = { latenciesMs }
  return {
    count: latenciesMs.length,
    p50: quantile(figures, 0.5),
    p99: quantile(figures, 0.99),
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}
