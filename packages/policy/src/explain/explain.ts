import { unpackBundle } from '../bundle/archive.ts'
import { readManifest } from '../bundle/manifest.ts'
import { PolicyError, PolicyErrorCode } from '../errors.ts'
import type { EvaluateOptions } from '../evaluation.ts'
import { readValue } from '../value/read.ts'
import { isObject, type Value } from '../value/value.ts'
import type { Explanation, NearMiss } from './explanation.ts'
import { INTERPRETED_UNITS_MAX, interpret } from './interpret.ts'
import { nearMisses, type Tried } from './nearest.ts'
import { type Program, programOf } from './program.ts'
import { RuleTracer } from './rule-trace.ts'
import { shownText } from './shown.ts'
import { SourceTexts } from './source-text.ts'
import { Witness } from './witness.ts'

const PLAN = 'plan.json'
const DATA = 'data.json'
const SOURCE = /\.rego$/

/** A policy that can tell why. */
export interface ExplainablePolicy {
  readonly revision: string
  readonly entrypoints: readonly string[]
  /**
   * Evaluates the input, which is a text of JSON, and tells how the decision came about, and what
   * would have to be different for it to be an allow.
   * @throws {PolicyError} `entrypoint_unknown`, `input_malformed`
   */
  explain(entrypoint: string, input: string, options?: EvaluateOptions): Explanation
}

/**
 * The policy of a bundle, by its sources as they are written and the plan of those. Bundles that
 * are kept under their revision may not have it in them.
 * @throws {PolicyError} `bundle_malformed`
 */
export async function explainable(
  archive: Uint8Array,
  keptAs?: string,
): Promise<ExplainablePolicy> {
  const files = await unpackBundle(archive)
  const revision = keptAs ?? readManifest(files).revision
  const plan = files.get(PLAN)
  if (plan === undefined) {
    throw new PolicyError(
      PolicyErrorCode.bundleMalformed,
      `the bundle \`${revision}\` has no \`${PLAN}\`, by which decisions are explained`,
    )
  }
  const program = programOf(plan)
  const data = readJson(files.get(DATA) ?? Buffer.from('{}'), PolicyErrorCode.bundleMalformed, DATA)
  const texts = [...files].filter(([name]) => SOURCE.test(name))
  const sources = new SourceTexts(
    program.files,
    new Map(texts.map(([name, bytes]) => [name, Buffer.from(bytes).toString('utf8')])),
  )
  return {
    revision,
    entrypoints: [...program.entrypoints.keys()],
    explain: (entrypoint, input, options = {}) =>
      new Explaining({ program, data, sources, entrypoint, options }).explain(revision, input),
  }
}

interface Question {
  readonly program: Program
  readonly data: Value
  readonly sources: SourceTexts
  readonly entrypoint: string
  readonly options: EvaluateOptions
}

class Explaining {
  readonly #question: Question

  constructor(question: Question) {
    this.#question = question
  }

  explain(revision: string, json: string): Explanation {
    const { program, sources, entrypoint } = this.#question
    const input = readJson(Buffer.from(json), PolicyErrorCode.inputMalformed, 'input')
    const witness = new Witness(program)
    const tracer = new RuleTracer(witness, sources)
    const { value, fault, spent } = this.#evaluate(input, tracer)
    const allowed = fault === undefined && allows(value)
    return {
      entrypoint,
      revision,
      allowed,
      ...(value !== undefined && { decision: shownText(value) }),
      ...(fault !== undefined && { fault }),
      rules: tracer.rules,
      ...(tracer.cut && { cut: true as const }),
      nearMisses: allowed || fault !== undefined ? [] : this.#nearMisses(input, witness),
      spent,
    }
  }

  #nearMisses(input: Value, { wants }: Witness): NearMiss[] {
    return nearMisses(input, wants, (changed, unitsMax): Tried | undefined => {
      const witness = new Witness(this.#question.program)
      const { value, fault, spent } = this.#evaluate(changed, witness, unitsMax)
      return fault === undefined
        ? { allowed: allows(value), wants: witness.wants, spent }
        : { allowed: false, wants: new Witness(this.#question.program).wants, spent }
    })
  }

  #evaluate(
    input: Value,
    observer: Witness | RuleTracer,
    unitsMax: number = INTERPRETED_UNITS_MAX,
  ): { value?: Value; fault?: string; spent: number } {
    const { program, data, entrypoint, options } = this.#question
    const fuel = { value: Math.min(unitsMax, INTERPRETED_UNITS_MAX) }
    const units = fuel.value
    try {
      const asked = { entrypoint, input, data, options, observer, fuel }
      const value = interpret(program, asked)
      return { ...(value !== undefined && { value }), spent: units - fuel.value }
    } catch (error) {
      const isFault =
        error instanceof PolicyError && error.code !== PolicyErrorCode.entrypointUnknown
      if (!isFault) throw error
      return { fault: error.message, spent: units - Math.max(fuel.value, 0) }
    }
  }
}

/** As decisions are read: a boolean, or an object that says `allowed`. */
function allows(value: Value | undefined): boolean {
  if (value === undefined || typeof value !== 'object' || value === null) return value === true
  return isObject(value) && value.get('allowed') === true
}

function readJson(bytes: Uint8Array, code: PolicyErrorCode, what: string): Value {
  const text = Buffer.from(bytes).toString('utf8')
  try {
    JSON.parse(text)
    return readValue(text)
  } catch (cause) {
    throw new PolicyError(code, `the ${what} is no text of JSON`, { cause })
  }
}
