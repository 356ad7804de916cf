import { BusError, BusErrorCode, type StreamFacts } from '@verdict/bus'
import { DECISIONS } from '@verdict/contract'
import { type Alarm, FindingKind } from '../chain/finding.ts'

/** How often the stream is held against its declaration; an advisory has it done at once. */
export const STREAM_CHECK_MS = 5_000
/** A longer account of what differs is cut. */
const DETAIL_CHARS_MAX = 2_048

const ALARM = { kind: FindingKind.streamWeakened, subject: DECISIONS.name } as const

export interface StreamWatchOptions {
  /** Looks at the stream. @throws {BusError} `stream_weakened`, `stream_missing`, and others */
  readonly inspect: () => Promise<StreamFacts>
  /** Where an alarm is put on the record, until it is settled. */
  readonly record: {
    raise(alarm: Alarm): unknown
    settle(alarm: Pick<Alarm, 'kind' | 'subject'>): unknown
  }
  readonly onWeakened: (detail: string) => void
  readonly onMended: () => void
  /** An alarm could not be put on the record: it is tried again with the next check. */
  readonly onFault: (error: unknown) => void
  /** There was a stream once: where it is missing from the start, somebody has removed it. */
  readonly isExpected: boolean
  /** Default: STREAM_CHECK_MS. */
  readonly checkMs?: number
}

/**
 * Holds the stream against its declaration while the service runs. What is not as declared is an
 * alarm until it is mended: who weakens the stream can have it lose records unseen.
 */
export class StreamWatch implements AsyncDisposable {
  readonly #options: StreamWatchOptions
  #timer: NodeJS.Timeout | undefined
  #checking: Promise<void> | undefined
  /** How often somebody wanted it to be looked. */
  #wanted = 0
  readonly #ended = new AbortController()
  #weakened: string | undefined
  #isMissing = false
  /** Why nobody can tell how the stream is. */
  #unknown: string | undefined = 'not verified yet'
  #facts: StreamFacts | undefined

  constructor(options: StreamWatchOptions) {
    this.#options = options
  }

  /** What is not as declared; undefined where nothing is known to be. */
  get weakened(): string | undefined {
    return this.#weakened
  }

  /** Whether it is not there at all: it may be declared yet. */
  get isMissing(): boolean {
    return this.#isMissing
  }

  /** How the stream was when it was looked at last. */
  get facts(): StreamFacts | undefined {
    return this.#facts
  }

  health(): { ok: boolean; detail: string } {
    if (this.#weakened !== undefined) return { ok: false, detail: this.#weakened }
    // The connection and its consumer have a check of their own.
    if (this.#unknown !== undefined) return { ok: !this.#isMissing, detail: this.#unknown }
    return { ok: true, detail: 'as declared' }
  }

  /** Looks now, and from then on again and again. Resolves when it has looked. */
  async check(): Promise<void> {
    if (this.#ended.signal.aborted) return
    this.#wanted++
    this.#checking ??= this.#checkAll().finally(() => {
      this.#checking = undefined
    })
    await this.#checking
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort()
    clearTimeout(this.#timer)
    await this.#checking
  }

  async #checkAll(): Promise<void> {
    clearTimeout(this.#timer)
    const { signal } = this.#ended
    for (let seen = 0; seen !== this.#wanted && !signal.aborted; ) {
      seen = this.#wanted
      await this.#look()
    }
    if (signal.aborted) return
    const { checkMs = STREAM_CHECK_MS } = this.#options
    this.#timer = setTimeout(() => void this.check(), checkMs)
  }

  async #look(): Promise<void> {
    const { inspect, onFault } = this.#options
    try {
      const facts = await inspect()
      const before = this.#facts
      const replicas = Math.max(facts.replicas, before?.replicas ?? 0)
      this.#facts = { ...facts, replicas }
      this.#isMissing = false
      this.#judge(differenceOf(before, facts))
    } catch (error) {
      if (!(error instanceof BusError)) return onFault(error)
      this.#takeRefusal(error, onFault)
    }
  }

  #takeRefusal({ code, message }: BusError, onFault: (error: unknown) => void): void {
    const isKnown = this.#options.isExpected || this.#facts !== undefined
    const isMissing = code === BusErrorCode.streamMissing
    this.#isMissing = isMissing
    try {
      if (code === BusErrorCode.streamWeakened || (isMissing && isKnown)) this.#judge(message)
      else this.#unknown = message
    } catch (error) {
      onFault(error)
    }
  }

  #judge(weakened: string | undefined): void {
    const { onMended, onWeakened, record } = this.#options
    const detail = weakened?.slice(0, DETAIL_CHARS_MAX)
    const before = this.#weakened
    this.#weakened = detail
    this.#unknown = undefined
    if (detail !== undefined && detail !== before) onWeakened(detail)
    if (detail === undefined && before !== undefined) onMended()
    // Also where it is known: an alarm of an earlier process, or one that could not be written.
    if (detail === undefined) record.settle(ALARM)
    else record.raise({ ...ALARM, detail })
  }
}

/** What is as declared, and all the same not what it was. */
function differenceOf(before: StreamFacts | undefined, now: StreamFacts): string | undefined {
  if (before === undefined) return undefined
  if (now.created !== before.created) {
    return `stream \`${DECISIONS.name}\` was deleted and made again: what it held is gone`
  }
  if (now.replicas >= before.replicas) return undefined
  const copies = `${now.replicas} copies instead of ${before.replicas}`
  return `stream \`${DECISIONS.name}\` has ${copies}: find out who changed it, then set it back`
}
