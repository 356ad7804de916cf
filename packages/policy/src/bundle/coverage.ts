import { PolicyError, PolicyErrorCode } from '../errors.ts'
import { coveredLines } from '../opa.ts'
import type { OpaCall } from '../opa-call.ts'
import { TESTS } from './names.ts'

/** How many files without tests a message names. */
const TOLD_MAX = 3

/** How much of the policies their tests run through; the tests themselves do not count. */
export interface Coverage {
  /** Of all lines, from 0 to 100; 100 where there are none. */
  readonly percent: number
  readonly lines: number
  /** Where lines are missed, the most first. */
  readonly missed: readonly { readonly file: string; readonly lines: readonly number[] }[]
}

/** Runs the tests once more, to see what they run through. @throws {PolicyError} */
export async function coverageOf(call: OpaCall): Promise<Coverage> {
  const files = Object.entries(await coveredLines(call)).filter(([file]) => !TESTS.test(file))
  let [covered, lines] = [0, 0]
  const missed: { file: string; lines: number[] }[] = []
  for (const [file, told] of files) {
    const not = told.not_covered_lines ?? 0
    covered += told.covered_lines ?? 0
    lines += (told.covered_lines ?? 0) + not
    const rows = new Set((told.not_covered ?? []).map(({ start }) => start.row))
    if (not > 0) missed.push({ file, lines: [...rows].sort((a, b) => a - b) })
  }
  missed.sort((a, b) => b.lines.length - a.lines.length)
  // Rounded down: 100 is said of nothing less.
  const percent = lines === 0 ? 100 : Math.floor((covered / lines) * 1_000) / 10
  return { percent, lines, missed }
}

/** @throws {PolicyError} `coverage_too_low` */
export function refuseUncovered({ percent, missed }: Coverage, percentMin: number): void {
  if (percent >= percentMin) return
  const told = missed
    .slice(0, TOLD_MAX)
    .map(({ file, lines: [first], lines }) => `${file}:${first} (${lines.length} lines)`)
  throw new PolicyError(
    PolicyErrorCode.coverageTooLow,
    `the tests of the policies run through ${percent} % of them, and ${percentMin} % are asked ` +
      `for: test what is missed, most of it in ${told.join(', ')}`,
  )
}
