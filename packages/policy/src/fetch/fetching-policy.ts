import { PolicyError, PolicyErrorCode } from '../errors.ts'
import type { EvaluateOptions } from '../evaluation.ts'
import type { Policy } from '../policy.ts'
import type { Fetcher } from './fetcher.ts'
import { FETCH_QUESTIONS_MAX, Inquiry } from './inquiry.ts'
import type { Question } from './question.ts'

/** How often an evaluation begins again with what it missed; one that needs more fails. */
export const FETCH_ROUNDS_MAX = 8
/** How long an evaluation waits for others where nothing else is said. */
export const DEFAULT_FETCH_DEADLINE_MS = 10_000
const NS_PER_MS = 1_000_000n

export interface FetchOptions extends EvaluateOptions {
  /** When the answer is of no use any more, on the clock of `performance.now()`. */
  readonly deadlineMs?: number
  /**
   * Runs each evaluation but the first, which is to be over at once: it blocks, and whoever
   * decides has others that wait. Default: at once.
   */
  readonly turn?: <T>(evaluate: () => T) => T | Promise<T>
}

/** What the last evaluation came to, in which nothing was missing. */
export interface FetchedAnswer extends Pick<Policy, 'spent' | 'labels' | 'inputText'> {
  /** As `Policy.evaluate` gives it. */
  readonly value: unknown
  /** How many questions others have answered for it, now or before. */
  readonly fetched: number
}

/** What one evaluation came to. */
type Outcome = Omit<FetchedAnswer, 'fetched'> | { readonly thrown: unknown }

/**
 * The rules of a policy that ask other services. They are evaluated, what they miss is fetched, and
 * they are evaluated again, until nothing is missing: then the answer is OPA's.
 */
export class FetchingPolicy {
  readonly #policy: Policy
  readonly #entrypoints: ReadonlySet<string>
  readonly #fetcher: Fetcher

  constructor(policy: Policy, entrypoints: ReadonlySet<string>, fetcher: Fetcher) {
    this.#policy = policy
    this.#entrypoints = entrypoints
    this.#fetcher = fetcher
  }

  /** Whether a rule may ask other services: only by `evaluate` it has an answer then. */
  has(entrypoint: string): boolean {
    return this.#entrypoints.has(entrypoint)
  }

  /**
   * As `Policy.evaluate`, with what other services say. Until the first await it blocks as that
   * does.
   * @throws {PolicyError} as that does, and where the others' answers are too many, too long, too
   * late, or lead to ever more questions
   */
  async evaluate(
    entrypoint: string,
    input?: unknown,
    options: FetchOptions = {},
  ): Promise<FetchedAnswer> {
    const { turn = (evaluate) => evaluate(), ...rest } = options
    const { deadlineMs = performance.now() + DEFAULT_FETCH_DEADLINE_MS, print } = rest
    const nowNs = options.nowNs ?? BigInt(Date.now()) * NS_PER_MS
    const inquiry = new Inquiry(nowNs, (question, at) => this.#fetcher.find(question, at))
    let lines: string[] = []
    const attempt = (): Outcome => {
      lines = []
      const printed = (line: string) => lines.push(line)
      return this.#attempt(entrypoint, input, { ...rest, nowNs, inquiry, print: printed })
    }
    let outcome = attempt()
    let room = FETCH_QUESTIONS_MAX
    for (let round = 0, missing = inquiry.takeMissing(); missing.length > 0; round++) {
      if (round === FETCH_ROUNDS_MAX) throw tooManyRounds(entrypoint)
      if (room === 0) throw tooManyQuestions(entrypoint)
      const asked = missing.slice(0, room)
      room -= asked.length
      await this.#fetch(entrypoint, asked, inquiry, deadlineMs)
      outcome = await turn(attempt)
      missing = inquiry.takeMissing()
    }
    for (const line of lines) print?.(line)
    if ('thrown' in outcome) throw outcome.thrown
    return { ...outcome, fetched: inquiry.answered }
  }

  /** Of an evaluation that missed something, nothing counts: not even that it failed. */
  #attempt(entrypoint: string, input: unknown, options: EvaluateOptions): Outcome {
    try {
      const value = this.#policy.evaluate(entrypoint, input, options)
      const { spent, labels, inputText } = this.#policy
      return { value, spent, labels, inputText }
    } catch (thrown) {
      return { thrown }
    }
  }

  /** Asks everything at the same time; the first question is certain to be needed. */
  async #fetch(
    entrypoint: string,
    questions: readonly Question[],
    inquiry: Inquiry,
    deadlineMs: number,
  ): Promise<void> {
    const leftMs = Math.floor(deadlineMs - performance.now())
    if (leftMs <= 0) throw overdue(entrypoint)
    const ending = new AbortController()
    // Not all that waits can be ended, such as the system's own search for an address.
    const late = Promise.withResolvers<never>()
    const timer = setTimeout(() => {
      late.reject(overdue(entrypoint))
      ending.abort()
    }, leftMs)
    const asked = questions.map(async (question) => {
      inquiry.answer(question, await this.#fetcher.fetch(question, ending.signal))
    })
    try {
      await Promise.race([Promise.all(asked), late.promise])
    } finally {
      clearTimeout(timer)
    }
  }
}

function tooManyRounds(entrypoint: string): PolicyError {
  return new PolicyError(
    PolicyErrorCode.fetchRounds,
    `the answers that \`${entrypoint}\` gets lead to new questions more than ` +
      `${FETCH_ROUNDS_MAX} times: let its questions depend less on each other`,
  )
}

function tooManyQuestions(entrypoint: string): PolicyError {
  return new PolicyError(
    PolicyErrorCode.fetchQuestions,
    `\`${entrypoint}\` asks other services more than ${FETCH_QUESTIONS_MAX} questions: ` +
      'push what they know into the data of the policy',
  )
}

function overdue(entrypoint: string): PolicyError {
  return new PolicyError(
    PolicyErrorCode.fetchOverdue,
    `the services that \`${entrypoint}\` asks did not answer in time`,
  )
}
