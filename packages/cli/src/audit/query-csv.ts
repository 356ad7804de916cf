import type { LoggedDecision } from './query-pages.ts'
import type { Proof } from './query-proof.ts'

/** A cell that begins so is taken for a formula by spreadsheets, also in its full-width form. */
const FORMULA = /^[\s]*[=+\-@\uff1d\uff0b\uff0d\uff20]|^[\t\r\n]/
const QUOTED = /[",\r\n]|^\s|\s$/

type Cell = (decision: LoggedDecision) => unknown

const COLUMNS: Readonly<Record<string, Cell>> = {
  index: ({ index }) => index,
  time: ({ record }) => record.time,
  outcome: ({ record }) => record.outcome,
  enforced: ({ record }) => record.enforced !== false,
  status: ({ record }) => record.status,
  principal: ({ record }) => record.principal,
  workload: ({ record }) => record.identity?.workload,
  issuer: ({ record }) => record.identity?.issuer,
  method: ({ record }) => record.request?.method,
  path: ({ record }) => record.request?.path,
  service: ({ record }) => record.destination?.service,
  namespace: ({ record }) => record.destination?.namespace,
  source: ({ record }) => record.source?.address,
  protocol: ({ record }) => record.protocol,
  reason: ({ record }) => record.reason,
  bundle: ({ record }) => record.policy?.bundle,
  revision: ({ record }) => record.policy?.revision,
  entrypoint: ({ record }) => record.policy?.entrypoint,
  rules: ({ record }) => [record.policy?.rules ?? []].flat().join(' '),
  trace: ({ record }) => record.request?.traceId,
  request: ({ record }) => record.request?.id,
  id: ({ record }) => record.id,
  instance: ({ record }) => record.instance,
  n: ({ record }) => record.n,
  hash: ({ hash }) => hash,
}

/** The first line: the names of the columns. */
export function csvHeader(withProof: boolean): string {
  return [...Object.keys(COLUMNS), ...(withProof ? ['verified'] : [])].join(',')
}

/** One decision as a line of CSV (RFC 4180), without its end. */
export function csvLine(decision: LoggedDecision, proof: Proof | undefined): string {
  const cells = Object.values(COLUMNS).map((cell) => csvCell(cell(decision)))
  return [...cells, ...(proof ? [String(proof.verified)] : [])].join(',')
}

/** Text that comes from outside: no spreadsheet computes it, and none takes it for two cells. */
export function csvCell(value: unknown): string {
  if (value === undefined || value === null) return ''
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  const inert = FORMULA.test(text) ? `'${text}` : text
  return QUOTED.test(inert) ? `"${inert.replaceAll('"', '""')}"` : inert
}
