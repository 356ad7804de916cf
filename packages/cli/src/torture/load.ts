import { until } from './waiting.ts'

export const LOAD_PER_SECOND = 100
const REQUEST_TIMEOUT_MS = 5_000
/** Requests under way at once; when all are out, the next one waits for its turn. */
const IN_FLIGHT_MAX = 64
/** So much is kept in memory and on disk; afterwards nothing more is asked, nor injected. */
const REQUESTS_MAX = 200_000
const GROWTH_DEADLINE_MS = 60_000
const FAULT_STATUS = 500
const STATUS_OF = { GET: 200, POST: 403 } as const

export type Method = keyof typeof STATUS_OF

/** A request that was asked about once, and what its caller was told. */
export interface Asked {
  readonly method: Method
  /** The id of the decision; absent where the caller got an error or nothing. */
  decision?: string
}

/**
 * A steady stream of requests with ids of their own, none of them asked twice. It never stops
 * because of an error. Reads are allowed and writes denied by the policy of the torture.
 */
export class SteadyLoad {
  /** By the id of the request. */
  readonly asked = new Map<string, Asked>()
  /** Answers that are neither the right decision nor an error. */
  readonly strange: string[] = []
  readonly #url: string
  readonly #prefix: string
  readonly #timer: NodeJS.Timeout
  readonly #inFlight = new Set<Promise<void>>()
  #answered = 0
  #refused = 0
  #lastAnswer = performance.now()
  #longestSilenceMs = 0

  /** @param prefix begins the id of each request: no two loads may share it. */
  constructor(url: string, prefix: string) {
    this.#url = url
    this.#prefix = prefix
    this.#timer = setInterval(() => this.#send(), 1_000 / LOAD_PER_SECOND)
  }

  /** Decisions that callers were told. */
  get answered(): number {
    return this.#answered
  }

  /** Requests that got an error, or nothing in time. */
  get refused(): number {
    return this.#refused
  }

  /** Whether it has asked as often as it may. */
  get isOver(): boolean {
    return this.asked.size >= REQUESTS_MAX
  }

  /** The longest time in which nobody was told a decision. */
  get longestSilenceMs(): number {
    return Math.max(this.#longestSilenceMs, performance.now() - this.#lastAnswer)
  }

  /** Waits until so many more decisions were told. @throws {CliError} `torture_stuck` */
  async answersMore(count: number, during: string, stop: AbortSignal): Promise<void> {
    const goal = this.#answered + count
    const what = `${count} decisions ${during}`
    await until(() => this.#answered >= goal || this.isOver, {
      deadlineMs: GROWTH_DEADLINE_MS,
      what,
      stop,
    })
  }

  /** Asks nothing more, and waits for the answers that are still to come. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await Promise.all(this.#inFlight)
    this.#longestSilenceMs = this.longestSilenceMs
    this.#lastAnswer = Number.POSITIVE_INFINITY
  }

  #send(): void {
    if (this.#inFlight.size >= IN_FLIGHT_MAX || this.isOver) return
    const n = this.asked.size
    const id = `${this.#prefix}-${n}`
    const asked: Asked = { method: n % 4 === 3 ? 'POST' : 'GET' }
    this.asked.set(id, asked)
    const request = this.#ask(id, asked).finally(() => this.#inFlight.delete(request))
    this.#inFlight.add(request)
  }

  async #ask(id: string, asked: Asked): Promise<void> {
    try {
      const answer = await fetch(`${this.#url}/check`, {
        headers: {
          'x-forwarded-method': asked.method,
          'x-forwarded-host': 'catalog.shop',
          'x-forwarded-uri': '/catalog/items',
          'x-request-id': id,
        },
        signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
      })
      await answer.arrayBuffer()
      if (answer.status >= FAULT_STATUS) this.#refused++
      else this.#told(asked, answer)
    } catch {
      // Nobody listens, or the process ended before it answered: it is what we are here for.
      this.#refused++
    }
  }

  #told(asked: Asked, { status, headers }: Response): void {
    const id = headers.get('x-verdict-decision-id')
    if (id === null || status !== STATUS_OF[asked.method]) {
      this.strange.push(`${asked.method} was answered ${status}, decision ${id}`)
    }
    if (id === null) return
    asked.decision = id
    this.#answered++
    const now = performance.now()
    this.#longestSilenceMs = Math.max(this.#longestSilenceMs, now - this.#lastAnswer)
    this.#lastAnswer = now
  }
}
