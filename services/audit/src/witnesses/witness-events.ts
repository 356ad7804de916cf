import { messageOf } from '@verdict/contract'
import { Counter, Gauge, type Logger, type Registry } from '@verdict/service'
import type { WitnessEvent, WitnessReport } from './witnesses.ts'

/** Receipts wait for witnesses: without enough of them for longer than this is not well. */
export const UNWITNESSED_MS_MAX = 60_000

/** What the log and its witnesses have to do with each other, counted and logged. */
export class WitnessEvents {
  readonly #log: Logger
  readonly #answers: Counter<'witness' | 'result'>
  /** What was logged of each witness last: it is again when that changes. */
  readonly #told = new Map<string, string>()

  constructor(log: Logger, metrics: Registry) {
    this.#log = log
    this.#answers = new Counter({
      name: 'verdict_audit_witness_answers_total',
      help: 'Requests to witnesses: cosigned, failed, or contradiction, which is an alarm.',
      labelNames: ['witness', 'result'],
      registers: [metrics],
    })
  }

  take(event: WitnessEvent): void {
    if (event.kind === 'witnessed') return
    if (event.kind === 'unkept') {
      const { error: err } = event
      this.#log.error({ event: 'witnessed_unkept', err }, `not kept: ${messageOf(err)}`)
      return
    }
    const { kind, witness } = event
    this.#answers.inc({ witness, result: kind })
    const news = kind === 'cosigned' ? kind : event.error.message
    if (this.#told.get(witness) === news) return
    this.#told.set(witness, news)
    const about = { event: `witness_${kind}`, witness }
    if (kind === 'cosigned') this.#log.info({ ...about, size: event.size }, 'a witness cosigns')
    else if (kind === 'failed') this.#log.warn({ ...about, err: event.error }, news)
    else this.#log.error({ ...about, err: event.error }, news)
  }
}

/** The gauges of a log that has witnesses. */
export function addWitnessGauges(metrics: Registry, report: () => WitnessReport | undefined): void {
  const add = (name: string, help: string, ask: (of: WitnessReport) => number | undefined): void =>
    void new Gauge({
      name,
      help,
      registers: [metrics],
      collect() {
        const now = report()
        this.set((now && ask(now)) ?? Number.NaN)
      },
    })
  add(
    'verdict_audit_witnessed_leaves',
    'Leaves that the newest witnessed checkpoint covers.',
    ({ size }) => size,
  )
  add(
    'verdict_audit_witnessed_timestamp_seconds',
    'When a checkpoint was witnessed last, by this process.',
    ({ atMs }) => atMs && atMs / 1000,
  )
  add(
    'verdict_audit_unwitnessed_seconds',
    'For how long there has been a checkpoint without enough cosignatures.',
    ({ waitingMs }) => waitingMs / 1000,
  )
}

/** Not ok while a witness contradicts the log, or receipts wait for witnesses in vain. */
export function witnessHealth(report: WitnessReport | undefined): { ok: boolean; detail: string } {
  if (report === undefined) return { ok: true, detail: 'none' }
  const { atMs, size, waitingMs, witnesses } = report
  const ok = !witnesses.some(({ contradicts }) => contradicts) && waitingMs < UNWITNESSED_MS_MAX
  const when = atMs === undefined ? 'before this start' : new Date(atMs).toISOString()
  const newest = size === 0 ? 'nothing is witnessed' : `${size} leaves are witnessed, ${when}`
  const waits = waitingMs > 0 ? [`newer ones wait since ${Math.ceil(waitingMs / 1000)} s`] : []
  const failures = witnesses.flatMap(({ name, failure }) =>
    failure === undefined ? [] : [`${name}: ${failure}`],
  )
  return { ok, detail: [newest, ...waits, ...failures].join('; ') }
}
