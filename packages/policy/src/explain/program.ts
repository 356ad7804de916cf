import { messageOf } from '@verdict/contract'
import { PolicyError, PolicyErrorCode } from '../errors.ts'
import type { Block, Plan, PlanFunction } from '../plan/plan.ts'
import { numberOf, type RegoNumber } from '../value/value.ts'

/** What the interpreter needs of a plan beyond what is read to learn what a policy reads. */
interface WholePlan extends Plan {
  readonly static: Plan['static'] & {
    readonly files?: readonly { readonly value: string }[]
    readonly builtin_funcs?:
      | readonly { readonly name: string; readonly decl?: { readonly result?: unknown } }[]
      | null
  }
}

/** A plan's function; `path` is where in the data its value appears. */
export interface ProgramFunction extends PlanFunction {
  readonly path?: readonly string[]
}

/** A plan, ready to be interpreted. */
export interface Program {
  readonly strings: readonly string[]
  /** The constant strings that are numbers, as far as they were asked for. */
  readonly numbers: Map<number, RegoNumber>
  /** Names of source files, by the numbers that statements have. */
  readonly files: readonly string[]
  readonly functions: ReadonlyMap<string, ProgramFunction>
  /** Functions by the JSON of their path. */
  readonly byPath: ReadonlyMap<string, ProgramFunction>
  readonly entrypoints: ReadonlyMap<string, readonly Block[]>
  /** Built-ins whose result nobody looks at, such as `print`. */
  readonly voids: ReadonlySet<string>
}

/** @throws {PolicyError} `bundle_malformed` */
export function programOf(bytes: Uint8Array): Program {
  try {
    const plan = JSON.parse(Buffer.from(bytes).toString('utf8')) as WholePlan
    const functions = (plan.funcs?.funcs ?? []) as readonly ProgramFunction[]
    const builtins = plan.static.builtin_funcs ?? []
    return {
      strings: (plan.static.strings ?? []).map(({ value }) => value),
      numbers: new Map(),
      files: (plan.static.files ?? []).map(({ value }) => value),
      functions: new Map(functions.map((func) => [func.name, func])),
      byPath: new Map(functions.map((func) => [JSON.stringify(func.path ?? []), func])),
      entrypoints: new Map(plan.plans.plans.map(({ name, blocks }) => [name, blocks])),
      voids: new Set(
        builtins.filter(({ decl }) => decl !== undefined && !decl.result).map(({ name }) => name),
      ),
    }
  } catch (cause) {
    const message = `the plan of the policy cannot be read: ${messageOf(cause)}`
    throw new PolicyError(PolicyErrorCode.bundleMalformed, message, { cause })
  }
}

/** A number of the plan, by the number of its text. */
export function constantNumber(program: Program, index: number): RegoNumber {
  const known = program.numbers.get(index)
  if (known !== undefined) return known
  const number = numberOf(program.strings[index] ?? '0')
  program.numbers.set(index, number)
  return number
}
