import { type BasicType, parquetWriteBuffer } from 'hyparquet-writer'
import { destinationName, type LoggedDecision } from './logged-decision.ts'
import { readable } from './readable-record.ts'

/** Rows of one file: they are in memory until it is written. */
export const PARQUET_ROWS_MAX = 200_000

interface Column {
  readonly type: BasicType
  of(decision: LoggedDecision): unknown
}

const text = (of: (decision: LoggedDecision) => unknown): Column => ({ type: 'STRING', of })
const whole = (of: (decision: LoggedDecision) => number | undefined): Column => ({
  type: 'INT64',
  of(decision) {
    const value = of(decision)
    return value === undefined ? undefined : BigInt(value)
  },
})

/** What is searched for often has a column of its own; a last one, `record`, has everything. */
const COLUMNS: Readonly<Record<string, Column>> = {
  index: whole(({ index }) => index),
  time: { type: 'TIMESTAMP', of: ({ record }) => new Date(record.time) },
  id: text(({ record }) => record.id),
  outcome: text(({ record }) => record.outcome),
  enforced: { type: 'BOOLEAN', of: ({ record }) => record.enforced !== false },
  status: whole(({ record }) => record.status),
  reason: text(({ record }) => record.reason),
  principal: text(({ record }) => record.principal),
  workload: text(({ record }) => record.identity.workload),
  method: text(({ record }) => record.request.method),
  path: text(({ record }) => record.request.path),
  destination: text(({ record }) => destinationName(record)),
  source: text(({ record }) => record.source.address),
  protocol: text(({ record }) => record.protocol),
  bundle: text(({ record }) => record.policy.bundle),
  revision: text(({ record }) => record.policy.revision),
  entrypoint: text(({ record }) => record.policy.entrypoint),
  trace_id: text(({ record }) => record.request.traceId),
  duration_us: whole(({ record }) => record.durationUs),
  instance: text(({ record }) => record.instance),
  epoch: whole(({ record }) => record.epoch),
  n: whole(({ record }) => record.n),
  chain_hash: text(({ hash }) => hash),
  pseudonym: text(({ record }) => record.pseudonym),
  opened: text(({ opened }) => opened?.join(',')),
  origin: text(({ origin }) => origin),
  leaf: whole(({ leaf }) => leaf),
}

/** A Parquet file of decisions: a row each, compressed with Snappy. */
export function toParquet(decisions: readonly LoggedDecision[]): Uint8Array {
  const rows = decisions.map(readable)
  const columns = Object.entries(COLUMNS).map(([name, { type, of }]) => ({
    name,
    type,
    data: rows.map((row) => of(row) ?? null),
  }))
  const records = decisions.map(({ record }) => JSON.stringify(record))
  const columnData = [...columns, { name: 'record', type: 'STRING' as const, data: records }]
  return new Uint8Array(parquetWriteBuffer({ columnData, createdBy: 'verdict' }))
}
