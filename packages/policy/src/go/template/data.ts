import { isNumber, type RegoNumber, textOf, type Value } from '../../value/value.ts'
import { formatFloat } from '../float.ts'

/** A number that the template itself says; those of the data are texts to Go. */
export class Constant {
  readonly type: 'int' | 'float'
  readonly value: number

  constructor(type: 'int' | 'float', value: number) {
    this.type = type
    this.value = value
  }
}

/** What a template works on; `undefined` is a key that is not there. */
export type Data =
  | undefined
  | null
  | boolean
  | string
  | RegoNumber
  | Constant
  | readonly Data[]
  | ReadonlyMap<Value, Data>

export function isList(data: Data): data is readonly Data[] {
  return Array.isArray(data)
}

export function isMap(data: Data): data is ReadonlyMap<Value, Data> {
  return data instanceof Map
}

/** Go holds numbers of JSON as texts, so that they are texts to whoever asks. */
export function asText(data: Data): string | undefined {
  if (typeof data === 'string') return data
  return isNumber(data as Value) ? textOf(data as RegoNumber) : undefined
}

export function isTrue(data: Data): boolean {
  if (data === undefined || data === null) return false
  if (typeof data === 'boolean') return data
  if (data instanceof Constant) return data.value !== 0
  if (isList(data)) return data.length > 0
  if (isMap(data)) return data.size > 0
  return asText(data) !== ''
}

/** As `fmt.Print` shows it. */
export function shownData(data: Data): string {
  if (data === undefined || data === null) return '<nil>'
  if (data instanceof Constant) {
    return data.type === 'int' ? String(data.value) : formatFloat(data.value, 'g')
  }
  if (isList(data)) return `[${data.map(shownData).join(' ')}]`
  if (!isMap(data)) return asText(data) ?? String(data)
  return `map[${[...data].map(([key, held]) => `${String(key)}:${shownData(held)}`).join(' ')}]`
}
