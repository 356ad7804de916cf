import { goJson, jsonValue } from '../go/json.ts'
import { regoText } from '../value/rego-text.ts'
import { isNumber, type RegoObject, textOf, type Value } from '../value/value.ts'
import { FailureCode, FetchFailure } from './question.ts'

const INT32_MAX = 2 ** 31 - 1

/** The parameters of a call of `http.send`, each of the type that OPA asks for. */
export class SendOperand {
  readonly #object: RegoObject

  constructor(object: RegoObject) {
    this.#object = object
  }

  has(name: string): boolean {
    return this.#object.has(name)
  }

  value(name: string): Value | undefined {
    return this.#object.get(name)
  }

  /** Without the quotes that OPA takes off; empty where it is absent. @throws {FetchFailure} */
  text(name: string): string {
    const value = this.#object.get(name)
    if (value === undefined) return ''
    if (typeof value !== 'string') throw invalid(`"${name}" must be a string`)
    return value.replace(/^"+/, '').replace(/"+$/, '')
  }

  /** @throws {FetchFailure} */
  isSet(name: string): boolean {
    const value = this.#object.get(name) ?? false
    if (typeof value !== 'boolean') throw invalid(`invalid value for "${name}" field`)
    return value
  }

  /** Some flags may be numbers too. @throws {FetchFailure} */
  isOn(name: string): boolean {
    const value = this.#object.get(name) ?? false
    if (typeof value === 'boolean') return value
    if (isNumber(value) && /^[01]$/.test(textOf(value))) return textOf(value) === '1'
    throw invalid(`"${name}" must be a boolean`)
  }

  /** A count, or 0 where it is absent. @throws {FetchFailure} */
  count(name: string): number {
    const value = this.#object.get(name) ?? 0
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value
    throw invalid(`invalid value ${regoText(value)} for field "${name}"`)
  }

  /** An integer of 32 bits, as a number or in no quotes at all. @throws {FetchFailure} */
  int32(name: string): number {
    const value = this.#object.get(name)
    if (typeof value === 'number' && Number.isInteger(value) && Math.abs(value) <= INT32_MAX) {
      return value
    }
    throw invalid(`"${name}" must be an integer of 32 bits`)
  }

  /** JSON as Go writes it; nothing where it is absent. */
  json(name: string): string | undefined {
    const value = this.#object.get(name)
    return value === undefined ? undefined : goJson(jsonValue(value))
  }
}

/** @throws what it gives */
export function invalid(message: string): FetchFailure {
  return new FetchFailure(FailureCode.internal, message)
}
