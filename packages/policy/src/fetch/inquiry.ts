import { BuiltinError } from '../builtins/builtin.ts'
import type { Value } from '../value/value.ts'
import type { Answer, Question, Reply } from './question.ts'

/** Questions of one evaluation that are sent; one that has more fails. */
export const FETCH_QUESTIONS_MAX = 16

/** Finds an answer that is there already; see `Fetcher`. */
export type FindAnswer = (question: Question, nowNs: bigint) => Answer | undefined

/**
 * What one evaluation asks of others, over all of its rounds. In a round each question either has
 * its answer, or is noted and left undefined: what the round gives is thrown away then.
 */
export class Inquiry {
  /** The same in each round, as what is asked may depend on it. */
  readonly nowNs: bigint
  /** What is made once for each evaluation; see `Evaluation.once`. */
  readonly made: Map<string, Value> = new Map()
  readonly #find: FindAnswer
  readonly #answers = new Map<string, Answer>()
  #missing = new Map<string, Question>()

  constructor(nowNs: bigint, find: FindAnswer) {
    this.nowNs = nowNs
    this.#find = find
  }

  /** How many questions have their answers. */
  get answered(): number {
    return this.#answers.size
  }

  /** @throws {BuiltinError} where it is not there yet, {PolicyError} where it cannot be */
  ask(question: Question): Reply {
    const { key } = question
    const answer = this.#answers.get(key) ?? this.#found(question)
    if (answer === undefined) {
      // More than may be sent need not be kept: that they are missing is known by then.
      if (this.#missing.size <= FETCH_QUESTIONS_MAX) this.#missing.set(key, question)
      throw new BuiltinError('the answer is not there yet')
    }
    if ('fault' in answer) throw answer.fault
    return answer
  }

  answer(question: Question, answer: Answer): void {
    this.#answers.set(question.key, answer)
  }

  /**
   * What the round has missed, the next begins. The first question is certain to be needed: all
   * before it had its answers. What followed may have been asked only because the first was
   * undefined; of that, what changes something has to wait until it is certain.
   */
  takeMissing(): readonly Question[] {
    const missing = [...this.#missing.values()].filter(({ isSafe }, at) => at === 0 || isSafe)
    this.#missing = new Map()
    return missing
  }

  /** An answer that is found stays the same until the evaluation ends; others are so anyway. */
  #found(question: Question): Answer | undefined {
    const answer = this.#find(question, this.nowNs)
    if (answer !== undefined && 'value' in answer) this.answer(question, answer)
    return answer
  }
}
