import { isNumber, isObject, textOf, typeName, type Value } from '../../value/value.ts'
import { isInteger } from './keywords.ts'
import type { SubSchema } from './sub-schema.ts'
import { validateArray } from './validate-array.ts'
import { validateCombinations } from './validate-combinations.ts'
import { validateObject } from './validate-object.ts'
import { validateNumber, validateString, validateValue } from './validate-scalar.ts'

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
export function check(schema: SubSchema, value: Value, path: Path, spend: Spend): Result {
  const result = new Result()
  validate(schema, value, path, result, spend)
  return result
}

/** Validates as OPA does, in its order, since the score decides what it shows. */
export function validate(
  schema: SubSchema,
  value: Value,
  path: Path,
  result: Result,
  spend: Spend,
): void {
  spend(1_024)
  if (schema.pass !== undefined) {
    if (!schema.pass) result.add('false', path, 'False always fails validation')
    return
  }
  if (schema.reference !== undefined) {
    validate(schema.reference, value, path, result, spend)
    return
  }
  const given = givenType(value)
  if (!allows(schema, given)) {
    const { types } = schema
    const expected = types.length > 1 ? `[${types.join(',')}]` : types[0]
    result.add('invalid_type', path, `Invalid type. Expected: ${expected}, given: ${given}`)
    return
  }
  validateCombinations(schema, value, path, result, spend)
  if (Array.isArray(value)) validateArray(schema, value, path, result, spend)
  if (isObject(value)) validateObject(schema, value, path, result, spend)
  if (isNumber(value)) validateNumber(schema, value, path, result)
  validateValue(schema, value, path, result)
  if (typeof value === 'string') validateString(schema, value, path, result, spend)
  if (isObject(value)) {
    for (const [name, property] of schema.properties ?? []) {
      const held = value.get(name)
      if (held !== undefined) validate(property, held, [...path, name], result, spend)
    }
  }
  result.pass()
}

function givenType(value: Value): string {
  if (!isNumber(value)) return typeName(value)
  return isInteger(textOf(value)) ? 'integer' : 'number'
}

/** An integer is a number too. */
function allows({ types }: SubSchema, given: string): boolean {
  return (
    types.length === 0 || types.includes(given) || (given === 'integer' && types.includes('number'))
  )
}
