import type { Operand, Plan, PlanFunction } from './plan.ts'

/** Which functions a call by a path of data, of which parts are only known later, can come to. */
export class DynamicCalls {
  readonly #strings: readonly string[]
  readonly #functions: readonly PlanFunction[]
  /** By the JSON of the path, with what is not constant in it left out. */
  readonly #known = new Map<string, readonly PlanFunction[]>()

  constructor(plan: Plan, functions: Iterable<PlanFunction>) {
    this.#strings = (plan.static.strings ?? []).map(({ value }) => value)
    this.#functions = [...functions]
  }

  calledBy(path: readonly Operand[]): readonly PlanFunction[] {
    const pattern = path.map(({ type, value }) =>
      type === 'string_index' ? (this.#strings[value] ?? null) : null,
    )
    const key = JSON.stringify(pattern)
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const found = this.#functions.filter((func) => fits(func, pattern))
    this.#known.set(key, found)
    return found
  }
}

/** What a path leads to ends it: OPA goes no further. A path that is not known may be any. */
function fits({ path }: PlanFunction, pattern: readonly (string | null)[]): boolean {
  if (path === undefined) return true
  return path.every((name, at) => pattern[at] === null || pattern[at] === name)
}
