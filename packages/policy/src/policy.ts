import type { Bundle } from './bundle/bundle.ts'
import { PolicyError, PolicyErrorCode } from './errors.ts'
import type { EvaluateOptions } from './evaluation.ts'
import { evaluationFault, noObject, patchFault, unknownEntrypoint } from './faults.ts'
import type { FetchingPolicy } from './fetch/fetching-policy.ts'
import { jsonOf } from './input-json.ts'
import type { Instance } from './instance.ts'
import type { Memo } from './memo/memo.ts'
import type { WriteRead } from './plan/read-json.ts'
import type { ReadTree } from './plan/read-tree.ts'
import { touches } from './plan/touches.ts'
import { parseResult } from './result-json.ts'
import { TABLES_ROOT } from './rule-index/report.ts'
import { readValue } from './value/read.ts'
import type { Value } from './value/value.ts'
import { writeValue } from './value/write.ts'

/**
 * What an evaluation has touched of an instance's memory, the process keeps. An instance where one
 * took more than this, and more than the data takes, is replaced: that takes less long than the
 * evaluation did, since a copy of the data is most of it.
 */
const MEMORY_USED_BYTES_MAX = 64 * 1024 ** 2

/** A policy that is ready to decide. */
export interface Policy {
  readonly revision: string
  readonly entrypoints: readonly string[]
  /**
   * The value of a rule for an input, which may be any value of JSON, or none; `undefined` where
   * the rule is undefined. Sets are arrays. Numbers are JavaScript's: of an integer beyond 2^53 - 1
   * in the result the last digits may differ, as in the metadata of Envoy; `evaluateValue` has all
   * of them.
   * Where the answer depends on nothing but the input and the data, it may be remembered: it is
   * frozen then.
   * @throws {PolicyError} where there is no answer: that is never a decision
   */
  evaluate(entrypoint: string, input?: unknown, options?: EvaluateOptions): unknown
  /** What the last evaluation has cost, in units, or did when it was made; `DEFAULT_UNITS_MAX`. */
  readonly spent: number
  /** Whether the last answer was remembered. */
  readonly remembered: boolean
  /** Which labelled rules held for the last answer, in the order of the policy, at most 16. */
  readonly labels: readonly string[]
  /** The input of the last answer as the rules were given it, as JSON; undefined without any. */
  readonly inputText: string | undefined
  /** Asks the rules that ask other services; absent where the policy may not. */
  readonly fetching?: FetchingPolicy
}

/** A policy in this process. */
export interface LoadedPolicy extends Policy {
  /** As `evaluate`, from and to values that lose nothing. @throws {PolicyError} */
  evaluateValue(entrypoint: string, input?: Value, options?: EvaluateOptions): Value | undefined
  /**
   * Puts a value of JSON into the data, in the place of what is there, or takes it out where the
   * value is undefined. The next evaluation sees it; what throws has changed nothing.
   * @throws {PolicyError} `data_refused`, `memory_exhausted`, `input_malformed`
   */
  patchData(path: readonly string[], value: unknown): void
  /** The last input of each entrypoint. */
  readonly lastInputs: ReadonlyMap<string, unknown>
  /**
   * Evaluates these inputs, such as the last ones of the policy that this one replaces: functions
   * of a module are compiled when they are first called, which is then before there is a request.
   */
  warmUp(inputs: ReadonlyMap<string, unknown>): void
}

/** From the second evaluation on, the functions are there; more of them does not help much. */
const WARM_UP_TIMES = 3

/** How one entrypoint is asked. */
export interface Asking {
  /** Writes the parts of the input that its rules can read. */
  readonly write: WriteRead
  /** The parts of the data that its rules can read. */
  readonly data: ReadTree
  /** Whether an input that is no object would break the module's memory. */
  readonly objectOnly: boolean
  /** Absent where its answers depend on more than input and data. */
  readonly memo?: Memo
}

export class WasmPolicy implements LoadedPolicy {
  readonly revision: string
  readonly entrypoints: readonly string[]
  readonly #askings: ReadonlyMap<string, Asking>
  readonly #lastInputs = new Map<string, unknown>()
  #instance: Instance
  spent = 0
  remembered: boolean = false
  labels: readonly string[] = NO_LABELS
  inputText: string | undefined
  fetching?: FetchingPolicy

  constructor(bundle: Bundle, instance: Instance, askings: ReadonlyMap<string, Asking>) {
    this.revision = bundle.revision
    this.entrypoints = bundle.entrypoints
    this.#instance = instance
    this.#askings = askings
  }

  evaluate(entrypoint: string, input?: unknown, options: EvaluateOptions = {}): unknown {
    // Where it fails before it is written, there is none: the last one is another request's.
    this.inputText = undefined
    const asking = this.#askings.get(entrypoint)
    if (asking === undefined) throw unknownEntrypoint(entrypoint, this.entrypoints)
    const json = input === undefined ? undefined : jsonOf(input, asking.write)
    // Whoever sets a bound wants to know whether it holds.
    const memo = options.unitsMax === undefined ? asking.memo : undefined
    const known = memo?.get(json ?? NO_INPUT)
    if (known !== undefined) {
      this.spent = known.spent
      this.labels = known.labels
      this.inputText = json
      this.remembered = true
      return known.value
    }
    this.#lastInputs.set(entrypoint, input)
    const text = this.#evaluate(entrypoint, json, options)
    const value = text === undefined ? undefined : parseResult(text)
    const { spent, labels } = this
    memo?.set(json ?? NO_INPUT, { value, spent, labels }, text?.length ?? 0)
    return value
  }

  get lastInputs(): ReadonlyMap<string, unknown> {
    return this.#lastInputs
  }

  warmUp(inputs: ReadonlyMap<string, unknown>): void {
    for (const [entrypoint, input] of inputs) {
      this.#lastInputs.set(entrypoint, input)
      for (let time = 0; time < WARM_UP_TIMES; time++) {
        try {
          const write = this.#askings.get(entrypoint)?.write
          if (write !== undefined) this.#evaluate(entrypoint, jsonOf(input ?? {}, write), {})
        } catch {
          // Whoever asks next is told of it.
        }
      }
    }
  }

  evaluateValue(
    entrypoint: string,
    input?: Value,
    options: EvaluateOptions = {},
  ): Value | undefined {
    const text = input === undefined ? undefined : writeValue(input)
    const result = this.#evaluate(entrypoint, text, options)
    return result === undefined ? undefined : readValue(result)
  }

  patchData(path: readonly string[], value: unknown): void {
    const text = value === undefined ? undefined : jsonOf(value, JSON.stringify)
    for (const { memo, data } of this.#askings.values()) if (touches(data, path)) memo?.clear()
    this.#replaceWorn()
    const where = `data.${path.join('.')}`
    if (path[0] === TABLES_ROOT) {
      const why = `\`${where}\` is part of the rules: change the policies instead`
      throw new PolicyError(PolicyErrorCode.dataRefused, why)
    }
    try {
      if (this.#instance.patch({ path, text })) return
    } catch (cause) {
      throw patchFault(where, cause)
    }
    throw new PolicyError(
      PolicyErrorCode.dataRefused,
      `\`${where}\` cannot be changed: name a place in an object of the data`,
    )
  }

  #evaluate(
    entrypoint: string,
    input: string | undefined,
    options: EvaluateOptions,
  ): string | undefined {
    this.#replaceWorn()
    const instance = this.#instance
    const id = instance.entrypoints.get(entrypoint)
    if (id === undefined) throw unknownEntrypoint(entrypoint, this.entrypoints)
    const { objectOnly = false } = this.#askings.get(entrypoint) ?? {}
    if (objectOnly && input !== undefined && !input.startsWith('{')) throw noObject(entrypoint)
    this.remembered = false
    this.labels = NO_LABELS
    this.inputText = input
    try {
      const text = instance.evaluate(id, input, options)
      this.labels = instance.labels
      return text
    } catch (cause) {
      const fault = evaluationFault(entrypoint, cause, instance.isSpent)
      instance.recover()
      throw fault
    } finally {
      this.spent = instance.spent
    }
  }

  #replaceWorn(): void {
    const { usedBytes, dataBytes } = this.#instance
    if (usedBytes <= Math.max(MEMORY_USED_BYTES_MAX, dataBytes)) return
    this.#instance = this.#instance.copy()
  }
}

const NO_LABELS: readonly string[] = Object.freeze([])
/** That there is no input is no text of JSON. */
const NO_INPUT = ''
