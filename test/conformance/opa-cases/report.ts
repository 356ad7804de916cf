import path from 'node:path'
import type { Judged } from './run-cases.ts'

/** Why a case may answer otherwise, by its note. */
export type KnownDifferences = Readonly<Record<string, string>>

export interface Report {
  readonly text: string
  /** Cases that failed and are on no list. */
  readonly unexpected: number
}

/** Longer texts of values are cut in the report. */
const VALUE_LENGTH_MAX = 400

export function report(judged: readonly Judged[], known: KnownDifferences): Report {
  const failures = judged.filter(({ outcome }) => outcome.kind === 'failed')
  const unexpected = failures.filter(({ asked }) => known[asked.note] === undefined)
  const gone = judged.filter(({ asked, outcome }) => outcome.kind === 'passed' && known[asked.note])
  return {
    text: [
      ...failures.map((failure) => failureText(failure, known)),
      ...gone.map(({ asked }) => `${asked.note}: passes, and is on the list of differences`),
      table(judged),
      ...reasons(judged),
      `${failures.length - unexpected.length} of the ${failures.length} failures are known`,
      '',
    ].join('\n'),
    unexpected: unexpected.length,
  }
}

function failureText({ asked, outcome }: Judged, known: KnownDifferences): string {
  if (outcome.kind !== 'failed') return ''
  const isKnown = known[asked.note]
  return [
    `${asked.note} (${asked.file}): ${outcome.reason}${isKnown ? `, known: ${isKnown}` : ''}`,
    `  wanted ${cut(outcome.wanted)}`,
    `  came   ${cut(outcome.came)}`,
    '',
  ].join('\n')
}

function cut(text: string): string {
  return text.length <= VALUE_LENGTH_MAX ? text : `${text.slice(0, VALUE_LENGTH_MAX)}…`
}

const COLUMNS = ['passed', 'failed', 'not applicable'] as const

/** Counts by folder of the cases; by file where they are in one folder. */
function table(judged: readonly Judged[]): string {
  const folders = Map.groupBy(judged, ({ asked }) => {
    const folder = path.dirname(asked.file)
    return folder === '.' ? asked.file : folder
  })
  const counts = (some: readonly Judged[]) =>
    COLUMNS.map((column) => String(some.filter(({ outcome }) => outcome.kind === column).length))
  const rows = [
    ['', ...COLUMNS],
    ...[...folders].map(([folder, some]) => [folder, ...counts(some)]),
    ['all', ...counts(judged)],
  ]
  const widths = [0, 1, 2, 3].map((at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)))
  const lines = rows.map((row) =>
    row.map((cell, at) =>
      at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0),
    ),
  )
  return lines.map((cells) => cells.join('  ')).join('\n')
}

function reasons(judged: readonly Judged[]): string[] {
  return (['failed', 'not applicable'] as const).flatMap((kind) => {
    const why = judged.flatMap(({ outcome }) => (outcome.kind === kind ? [outcome.reason] : []))
    const counted = [...Map.groupBy(why, (reason) => reason)].toSorted(
      ([, a], [, b]) => b.length - a.length,
    )
    return counted.length === 0
      ? []
      : [
          '',
          `${kind}:`,
          ...counted.map(([reason, all]) => `${String(all.length).padStart(6)}  ${reason}`),
        ]
  })
}
