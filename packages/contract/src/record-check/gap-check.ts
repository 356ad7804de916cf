import type { ChainSpans } from './chain-spans.ts'
import {
  ContradictionErrorCode,
  LogContradiction,
  RecordCheckError,
  RecordCheckErrorCode,
} from './errors.ts'
import type { LoggedFinding } from './finding-check.ts'

/** Findings of gaps that nothing has resolved yet; more is more than fits into memory. */
const OPEN_GAPS_MAX = 100_000

interface OpenGap {
  readonly chain: ChainSpans
  readonly of: string
  readonly from: number
  readonly to: number
  readonly leaf: number
}

/** Holds what the log says about gaps against what is there: nothing is hidden, nothing made up. */
export class GapCheck {
  readonly #open = new Map<string, OpenGap>()

  /** @throws {LogContradiction} `finding_false`; {RecordCheckError} `check_too_large` */
  noticed(finding: LoggedFinding, chain: ChainSpans, leaf: number): void {
    const { key, from = 0, to = 0, instance, epoch } = finding
    if (key === undefined) return
    const of = `${instance}, journal ${epoch}`
    if (from < 1 || to < from || !chain.lacks(from, to)) {
      const what = `${places(from, to)} of ${of}`
      const message = `a finding says that ${what} are missing, and they are there`
      throw contradiction(message, leaf)
    }
    this.#open.set(key, { chain, of, from, to, leaf })
    if (this.#open.size <= OPEN_GAPS_MAX) return
    const message = `the log has more than ${OPEN_GAPS_MAX} gaps that are open`
    throw new RecordCheckError(RecordCheckErrorCode.checkTooLarge, message)
  }

  /** @throws {LogContradiction} `finding_false` */
  resolved(key: unknown, leaf: number): void {
    const gap = typeof key === 'string' ? this.#open.get(key) : undefined
    // Of another kind, or noticed before what is verified here.
    if (gap === undefined) return
    this.#open.delete(String(key))
    const { chain, from, to, of } = gap
    if (chain.has(from, to)) return
    const what = `${places(from, to)} of ${of}`
    const message = `a leaf says that ${what} have arrived, and they have not all`
    throw contradiction(message, leaf)
  }
}

function places(from: number, to: number): string {
  return `places ${from} to ${to}`
}

function contradiction(message: string, leaf: number): LogContradiction {
  const leaves = { from: leaf, to: leaf }
  return new LogContradiction(ContradictionErrorCode.findingFalse, message, leaves)
}
