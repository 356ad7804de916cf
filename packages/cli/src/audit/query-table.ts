import { OUTCOME_STYLES } from '../tail/decision-line.ts'
import { printable, type Terminal } from '../terminal.ts'
import type { LoggedDecision } from './query-pages.ts'
import type { Proof } from './query-proof.ts'

/** A text that is longer is cut, so that most rows are one line of a wide terminal. */
const CELL_CHARS_MAX = 44
const HEADS = ['time', 'outcome', 'status', 'who', 'to', 'what', 'why', 'id']

/** Decisions as rows for people, with a head over the first page. */
export function tableRows(
  decisions: readonly LoggedDecision[],
  proofs: readonly Proof[] | undefined,
  { head, terminal }: { head: boolean; terminal: Terminal },
): string[] {
  const heads = proofs ? [...HEADS, 'proof'] : HEADS
  const rows = decisions.map((each, at) => cellsOf(each, proofs?.[at]))
  const widths = heads.map((name, column) =>
    Math.max(name.length, ...rows.map((row) => row[column]?.length ?? 0)),
  )
  const line = (cells: readonly string[], paint: (text: string, column: number) => string) =>
    cells
      .map((cell, column) => paint(cell, column) + ' '.repeat((widths[column] ?? 0) - cell.length))
      .join('  ')
      .trimEnd()
  const body = rows.map((row, at) =>
    line(row, (text, column) => {
      const outcome = decisions[at]?.record.outcome
      const style = outcome && Object.hasOwn(OUTCOME_STYLES, outcome) && OUTCOME_STYLES[outcome]
      return column === 1 && style ? terminal.paint(style, text) : text
    }),
  )
  return head ? [line(heads, (text) => terminal.paint('dim', text)), ...body] : body
}

function cellsOf({ record }: LoggedDecision, proof: Proof | undefined): string[] {
  const { destination, outcome, principal, reason, request, status, time } = record
  const { namespace, service } = destination
  const held = record.enforced === false ? ' (dry run)' : ''
  const cells = [
    time,
    `${outcome}${held}`,
    status,
    principal,
    namespace === undefined ? service : `${textOf(namespace)}/${textOf(service)}`,
    `${textOf(request.method)} ${textOf(request.path)}`,
    reason,
    record.id,
  ].map((value) => cut(printable(textOf(value))))
  if (proof === undefined) return cells
  return [...cells, proof.verified ? 'verified' : `NOT VERIFIED: ${printable(proof.why)}`]
}

/** A field may be sealed or masked, and then is no text. */
function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function cut(text: string): string {
  return text.length > CELL_CHARS_MAX ? `${text.slice(0, CELL_CHARS_MAX - 1)}…` : text
}
