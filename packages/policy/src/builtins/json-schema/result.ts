import type { Value } from '../../value/value.ts'
import type { SubSchema } from './sub-schema.ts'

/** Where a value stands in the document. */
export type Path = readonly string[]

/** What a value has against its schema. */
export interface Fault {
  readonly type: string
  readonly field: string
  readonly description: string
}

/** The faults of a value, and how near it comes to its schema: the best of several is shown. */
export class Result {
  readonly faults: Fault[] = []
  #score = 0

  get isValid(): boolean {
    return this.faults.length === 0
  }

  get score(): number {
    return this.#score
  }

  add(type: string, path: Path, description: string): void {
    this.faults.push({ type, field: fieldOf(path), description })
    this.#score -= 2
  }

  merge(other: Result): void {
    for (const fault of other.faults) this.faults.push(fault)
    this.#score += other.#score
  }

  pass(): void {
    this.#score++
  }
}

export function fieldOf(path: Path): string {
  return path.length === 0 ? '(Root)' : path.join('.')
}

export type Spend = (units: number) => void

/** A value against a schema, in a result of its own. */
export type Check = (schema: SubSchema, value: Value, path: Path, spend: Spend) => Result

/** Where a value is validated, and how those within it are. */
export interface Validation {
  readonly path: Path
  readonly result: Result
  readonly spend: Spend
  readonly check: Check
  readonly validate: (schema: SubSchema, value: Value, validation: Validation) => void
}
