import type { DecisionRecord, Outcome } from '@verdict/contract'
import { printable, type Style, type Terminal } from '../terminal.ts'

/** How outcomes are told apart at a glance. */
export const OUTCOME_STYLES: Readonly<Record<Outcome, Style>> = {
  allow: 'green',
  deny: 'red',
  unauthenticated: 'yellow',
  error: 'magenta',
}
const OUTCOME_COLUMNS = 'unauthenticated'.length

/** One decision as a line: when, how, who → whom, what, why, by which rules. */
export function decisionLine(record: DecisionRecord, terminal: Terminal): string {
  const { time, outcome, status, principal, destination, request, reason, durationUs, id } = record
  const { namespace, service } = destination
  const rules = record.policy.rules ?? []
  const whom = namespace === undefined ? service : `${namespace}/${service}`
  const parts = [
    terminal.paint('dim', timeOfDay(time)),
    terminal.paint(OUTCOME_STYLES[outcome] ?? 'bold', printable(outcome).padEnd(OUTCOME_COLUMNS)),
    String(status),
    `${terminal.paint('bold', printable(principal))} → ${printable(whom)}`,
    printable(`${request.method} ${request.path}`),
    terminal.paint('cyan', printable(reason)),
    ...(rules.length === 0 ? [] : [terminal.paint('dim', `[${printable(rules.join(', '))}]`)]),
    terminal.paint('dim', `${(durationUs / 1000).toFixed(1)} ms ${printable(id)}`),
  ]
  // A dry run: the caller was let through whatever was decided.
  if (record.enforced === false) parts.push(terminal.paint('yellow', 'not enforced'))
  return parts.join('  ')
}

/** In the time of the reader, with ms; the record itself is in UTC. */
function timeOfDay(time: string): string {
  const date = new Date(time)
  if (Number.isNaN(date.getTime())) return printable(time)
  return `${date.toTimeString().slice(0, 8)}.${String(date.getMilliseconds()).padStart(3, '0')}`
}
