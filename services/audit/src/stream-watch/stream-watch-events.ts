import type { Advisory, BusError, StreamFacts } from '@verdict/bus'
import { messageOf } from '@verdict/contract'
import { Counter, Gauge, type Logger, type Registry } from '@verdict/service'

/** What becomes of the stream while the service runs, counted and logged. */
export class StreamWatchEvents {
  readonly #log: Logger
  readonly #advisories: Counter<'result'>

  constructor(log: Logger, metrics: Registry) {
    this.#log = log
    this.#advisories = new Counter({
      name: 'verdict_audit_advisories_total',
      help: 'What the servers said about the stream: recorded, or left_out and counted in the log.',
      labelNames: ['result'],
      registers: [metrics],
    })
    for (const result of ['recorded', 'left_out']) this.#advisories.inc({ result }, 0)
  }

  weakened(detail: string): void {
    this.#log.error({ event: 'stream_weakened' }, detail)
  }

  mended(): void {
    this.#log.info({ event: 'stream_mended' }, 'the stream is as declared again')
  }

  advisory({ recorded, advisory }: { recorded: boolean; advisory: Advisory }): void {
    this.#advisories.inc({ result: recorded ? 'recorded' : 'left_out' })
    const { type, stream, consumer, action, question, by } = advisory
    const what = { type, stream, consumer, action, question, by }
    if (recorded) this.#log.warn({ event: 'stream_advisory', ...what }, 'the stream was touched')
  }

  /** Advisories can't be heard, so that changes of the stream have no name to them. */
  unheard(error: BusError): void {
    this.#log.error({ event: 'advisories_unheard', err: error }, error.message)
  }

  fault(error: unknown): void {
    this.#log.error({ event: 'stream_watch_failed', err: error }, messageOf(error))
  }
}

export interface WatchedStream {
  readonly weakened: string | undefined
  readonly facts: StreamFacts | undefined
}

export function addStreamGauges(metrics: Registry, stream: WatchedStream): void {
  const add = (name: string, help: string, ask: () => number): void =>
    void new Gauge({
      name,
      help,
      registers: [metrics],
      collect() {
        this.set(ask())
      },
    })
  add(
    'verdict_audit_stream_weakened',
    'Whether the stream is not as declared, or gone: alarm above 0.',
    () => (stream.weakened === undefined ? 0 : 1),
  )
  add('verdict_audit_stream_fill_ratio', 'Which part of the bytes of the stream is taken.', () => {
    const { bytes, bytesMax } = stream.facts ?? { bytes: Number.NaN, bytesMax: 1 }
    return bytes / bytesMax
  })
}
