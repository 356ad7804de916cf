import { RECORD_CLASSES, type RecordClass } from '@verdict/contract'
import type { Journal, Shipper } from '@verdict/journal'
import { Counter, Gauge, type Registry } from '@verdict/service'

/** What is counted and measured of the journal, and of its way to the stream. */
export class JournalMetrics {
  readonly #registry: Registry
  readonly #shipped: Counter
  readonly #resent: Counter
  readonly #retries: Counter<'step'>
  readonly #records: Counter<'class'>
  readonly #dropped: Counter<'reason'>

  constructor(registry: Registry) {
    this.#registry = registry
    this.#shipped = new Counter({
      name: 'verdict_journal_shipped_total',
      help: 'Records in the stream.',
      registers: [registry],
    })
    this.#resent = new Counter({
      name: 'verdict_journal_resent_total',
      help: 'Records that were sent again, for the log did not cover them in time.',
      registers: [registry],
    })
    this.#records = new Counter({
      name: 'verdict_records_total',
      help: 'Decisions that were answered, by the class of their records.',
      labelNames: ['class'],
      registers: [registry],
    })
    for (const recordClass of RECORD_CLASSES) this.#records.inc({ class: recordClass }, 0)
    this.#dropped = new Counter({
      name: 'verdict_records_dropped_total',
      help: 'Records of the class best_effort that the journal did not take, by its reason.',
      labelNames: ['reason'],
      registers: [registry],
    })
    this.#retries = new Counter({
      name: 'verdict_journal_ship_retries_total',
      help: 'Steps of shipping the journal that failed and are tried again.',
      labelNames: ['step'],
      registers: [registry],
    })
  }

  /** Figures that are read when somebody asks for the metrics. */
  watch(journal: Journal, shipper: Shipper): void {
    this.#gauge('verdict_journal_bytes', 'What the journal holds.', () => journal.bytes)
    this.#gauge('verdict_journal_bytes_max', 'What it may hold.', () => journal.fill.bytesMax)
    const nearlyFull = '1 while the journal is filled to four fifths or more, else 0.'
    this.#gauge('verdict_journal_nearly_full', nearlyFull, () => Number(journal.fill.isNearlyFull))
    const commits = 'Syncs that made records durable, since the start.'
    this.#gauge('verdict_journal_commits', commits, () => journal.stats().commits)
    const records = 'Records that were made durable, since the start.'
    this.#gauge('verdict_journal_records', records, () => journal.stats().records)
    this.#gauge('verdict_journal_unshipped', 'Records that the stream does not have.', () => {
      const { durable, shipped } = shipper.position()
      return durable - shipped
    })
  }

  recorded(recordClass: RecordClass): void {
    this.#records.inc({ class: recordClass })
  }

  dropped(reason: string): void {
    this.#dropped.inc({ reason })
  }

  shipped(records: number): void {
    this.#shipped.inc(records)
  }

  resent(records: number): void {
    this.#resent.inc(records)
  }

  retried(step: string): void {
    this.#retries.inc({ step })
  }

  #gauge(name: string, help: string, read: () => number): void {
    new Gauge({
      name,
      help,
      registers: [this.#registry],
      collect() {
        this.set(read())
      },
    })
  }
}
