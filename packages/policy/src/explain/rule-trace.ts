import type { Statement } from '../plan/plan.ts'
import { type Belonging, type Body, bodiesOf } from './bodies.ts'
import type { BodyTrace, ConditionTrace, Failure, RuleTrace } from './explanation.ts'
import { failureOf } from './failure.ts'
import { type Called, type Exit, type Frame, NEXT, type Observer } from './frame.ts'
import { shownText } from './shown.ts'
import type { SourceTexts } from './source-text.ts'
import type { Witness } from './witness.ts'

/** Evaluations of rules that are told; later ones are left out, and `cut` says so. */
const RULES_MAX = 2_000
/** A condition that fails for many members is told for the first. */
const FAILURES_PER_CONDITION_MAX = 3

/** What fails within a condition, such as in a comprehension, is looked at so often. */
const FAILURES_WITHIN_MAX = 100

interface ConditionRun {
  failed: number
  /** How often something within it failed. */
  inner: number
  readonly failures: Failure[]
  readonly calls: RuleTrace[]
  /** What failed within it last, such as in a comprehension. */
  within: Failure | undefined
}
interface BodyRun {
  held: boolean
  readonly conditions: Map<number, ConditionRun>
}
type RuleRun = Map<Body, BodyRun>

/** Writes down which rules were evaluated, which bodies held, and where the others failed. */
export class RuleTracer implements Observer {
  readonly rules: RuleTrace[] = []
  cut: boolean = false
  readonly #witness: Witness
  readonly #sources: SourceTexts
  readonly #runs = new WeakMap<Frame, RuleRun>()
  #told = 0

  constructor(witness: Witness, sources: SourceTexts) {
    this.#witness = witness
    this.#sources = sources
  }

  entered(frame: Frame, caller: Frame, statement: Statement): void {
    this.#witness.entered(frame, caller, statement)
    if (this.#told++ < RULES_MAX) this.#runs.set(frame, new Map())
    else this.cut = true
  }

  begins(frame: Frame, statement: Statement): void {
    this.#witness.begins(frame, statement)
  }

  iterated(frame: Frame, statement: Statement): void {
    this.#witness.iterated(frame, statement)
  }

  called(caller: Frame, statement: Statement, call: Called): void {
    this.#witness.called(caller, statement, call)
    const { callee, value, remembered } = call
    const run = callee && this.#runs.get(callee)
    if (callee === undefined || run === undefined) return
    const trace: RuleTrace = {
      rule: ruleName(call.name),
      ...(value !== undefined && { value: shownText(value) }),
      ...(remembered && { again: true as const }),
      bodies: remembered ? [] : [...run].map(([body, bodyRun]) => this.#body(body, bodyRun)),
    }
    const at = this.#belonging(caller, statement)
    if (at?.condition === undefined) {
      if (caller.func === undefined) this.rules.push(trace)
      return
    }
    const { calls } = this.#condition(caller, at.body, at.condition)
    // In a loop, a rule is asked again and again.
    if (!remembered || !calls.some(({ rule }) => rule === trace.rule)) calls.push(trace)
  }

  ran(frame: Frame, statement: Statement, exit: Exit): void {
    const at = this.#belonging(frame, statement)
    if (at !== undefined && this.#runs.has(frame)) this.#note(frame, statement, exit, at)
    this.#witness.ran(frame, statement, exit)
  }

  #note(frame: Frame, statement: Statement, exit: Exit, at: Belonging): void {
    const { body, condition, decides, role } = at
    if (role === 'begins') {
      if (exit === NEXT) this.#bodyRun(frame, body)
      return
    }
    const run = this.#bodyRun(frame, body)
    if (role === 'gives' && exit === NEXT) run.held = true
    if (condition === undefined) return
    const noted = this.#condition(frame, body, condition)
    if (noted.failures.length >= FAILURES_PER_CONDITION_MAX || noted.inner >= FAILURES_WITHIN_MAX) {
      if (exit !== NEXT && decides) noted.failed += 1
      return
    }
    const failure = failureOf(frame, statement, exit, this.#witness)
    if (failure === undefined) return
    if (!decides) {
      noted.inner += 1
      noted.within = failure
      return
    }
    noted.failed += 1
    noted.failures.push(failure.why === 'failed' ? (noted.within ?? failure) : failure)
  }

  #belonging(frame: Frame, statement: Statement): Belonging | undefined {
    return frame.func && bodiesOf(frame.func).get(statement)
  }

  #bodyRun(frame: Frame, body: Body): BodyRun {
    const runs = this.#runs.get(frame) ?? new Map<Body, BodyRun>()
    this.#runs.set(frame, runs)
    let run = runs.get(body)
    if (run === undefined) {
      run = { held: false, conditions: new Map() }
      runs.set(body, run)
    }
    return run
  }

  #condition(frame: Frame, body: Body, at: number): ConditionRun {
    const { conditions } = this.#bodyRun(frame, body)
    let run = conditions.get(at)
    if (run === undefined) {
      run = { failed: 0, inner: 0, failures: [], calls: [], within: undefined }
      conditions.set(at, run)
    }
    return run
  }

  #body(body: Body, { held, conditions }: BodyRun): BodyTrace {
    const { kind, head } = body
    const title = this.#sources.titleAbove(head)
    const own = body.conditions.length - 1
    const told = [...conditions]
      .sort(([a], [b]) => a - b)
      .filter(([at, run]) => at !== own || run.failed > 0 || run.calls.length > 0)
      .map(([at, run]) => this.#conditionTrace(body, at, run, held))
    return {
      kind,
      head: this.#sources.headText(body),
      ...(title !== undefined && { title }),
      file: this.#sources.fileOf(head),
      row: head.row,
      held,
      conditions: told,
    }
  }

  #conditionTrace(body: Body, at: number, run: ConditionRun, held: boolean): ConditionTrace {
    const place = body.conditions[at] ?? body.head
    return {
      text: this.#sources.conditionText(body, place),
      row: place.row,
      // Of a body that held, each condition did for some member.
      held: held || run.failed === 0,
      failures: held ? [] : run.failures,
      failed: run.failed,
      calls: run.calls,
    }
  }
}

/** Plans number the versions of a rule that `with` makes: `g0.data.shop.access.grounds`. */
function ruleName(func: string): string {
  return func.replace(/^g\d+\./, '')
}
