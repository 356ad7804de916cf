import type { JournalLine } from '../journal-line.ts'
import type { Span } from './chain-spans.ts'
import type { RecordCheck } from './record-check.ts'

/**
 * Records of one journal stand in the order in which they were written, which is that of their
 * times by about this much.
 */
const ORDER_MS = 60_000

/** The question: is anything of an instance missing between two times? */
export interface CompletenessQuestion {
  readonly instance: string
  readonly fromMs: number
  readonly toMs: number
}

/** What can be said of one journal of the instance. */
export interface JournalCompleteness {
  readonly epoch: number
  /** The lowest and the highest place with a time in the range; absent where there is none. */
  readonly places?: { readonly from: number; readonly to: number }
  readonly records: number
  /** Places that are missing, and may be of the range. */
  readonly missing: readonly { readonly from: number; readonly to: number }[]
  /** Decisions in the range whose record could not be kept, by what the records say. */
  readonly lost: number
  /** Decisions in the range whose record a policy has left out. */
  readonly leftOut: number
  /** Whether a record before the range is there, or the journal's first: nothing can be before. */
  readonly startKnown: boolean
  /** Whether a record after the range is there: nothing of the range is still to come. */
  readonly endKnown: boolean
  /** When the last record was taken; absent where there is none. */
  readonly lastMs?: number
}

export interface Completeness extends CompletenessQuestion {
  readonly journals: readonly JournalCompleteness[]
  /** Nothing is missing of what can be said. */
  readonly complete: boolean
}

interface Seen {
  from: number
  to: number
  records: number
  lost: number
  leftOut: number
  firstMs: number
  lastMs: number
}

/** Follows a check, and answers the question at its end. */
export class CompletenessCheck {
  readonly #question: CompletenessQuestion
  readonly #seen = new Map<number, Seen>()

  constructor(question: CompletenessQuestion) {
    this.#question = question
  }

  /** For `onRecord` of the check. */
  readonly take = ({ record }: JournalLine): void => {
    const { instance, fromMs, toMs } = this.#question
    if (record.instance !== instance) return
    const timeMs = Date.parse(record.time)
    const { epoch, n } = record
    const seen = this.#seen.get(epoch) ?? empty()
    this.#seen.set(epoch, seen)
    seen.firstMs = Math.min(seen.firstMs, timeMs)
    seen.lastMs = Math.max(seen.lastMs, timeMs)
    if ('gap' in record) {
      const { count, since, until } = record.gap
      if (Date.parse(since) <= toMs && Date.parse(until) >= fromMs) seen.lost += count
    }
    if (timeMs < fromMs || timeMs > toMs) return
    seen.from = Math.min(seen.from, n)
    seen.to = Math.max(seen.to, n)
    seen.records += 1
    if ('dropped' in record) seen.leftOut += record.dropped.count
  }

  answer(check: RecordCheck): Completeness {
    const { instance, fromMs, toMs } = this.#question
    const journals = check.journals(instance).map((journal) => {
      const seen = this.#seen.get(journal.epoch) ?? empty()
      const toleranceMs = Math.max(ORDER_MS, journal.clockBackMs)
      const missing = journal.gaps.filter((gap) => touches(gap, { fromMs, toMs }, toleranceMs))
      return {
        epoch: journal.epoch,
        ...(seen.records > 0 && { places: { from: seen.from, to: seen.to } }),
        ...(Number.isFinite(seen.lastMs) && { lastMs: seen.lastMs }),
        records: seen.records,
        missing: missing.map(({ from, to }) => ({ from, to })),
        lost: seen.lost,
        leftOut: seen.leftOut,
        startKnown: journal.removed.length === 0 || seen.firstMs < fromMs - toleranceMs,
        endKnown: seen.lastMs > toMs + toleranceMs,
      }
    })
    // Where nothing is recorded in the range, a record behind it says that nothing was.
    const complete =
      journals.some(({ endKnown, records }) => records > 0 || endKnown) &&
      journals.every(({ lost, missing }) => lost === 0 && missing.length === 0)
    return { instance, fromMs, toMs, journals, complete }
  }
}

function touches(gap: Span, range: { fromMs: number; toMs: number }, toleranceMs: number): boolean {
  return gap.fromMs - toleranceMs <= range.toMs && gap.toMs + toleranceMs >= range.fromMs
}

function empty(): Seen {
  const none = { from: Number.POSITIVE_INFINITY, to: 0, records: 0, lost: 0, leftOut: 0 }
  return { ...none, firstMs: Number.POSITIVE_INFINITY, lastMs: Number.NEGATIVE_INFINITY }
}
