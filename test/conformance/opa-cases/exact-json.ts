import type { LoadedPolicy } from '@verdict/policy'

/** A value of Rego, as the engine gives it. */
export type RegoValue = Exclude<ReturnType<LoadedPolicy['evaluateValue']>, undefined>

/** A number by its digits. */
class ExactNumber {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

/** JSON without loss: numbers by their digits. */
export type Exact = null | boolean | string | ExactNumber | readonly Exact[] | ExactObject
export interface ExactObject extends ReadonlyMap<string, Exact> {}

/** @throws {SyntaxError} where the text is no JSON */
export function readExact(text: string): Exact {
  return JSON.parse(text, (_key, found: unknown, context?: { readonly source?: string }) => {
    if (typeof found === 'number') return new ExactNumber(context?.source ?? String(found))
    if (typeof found !== 'object' || found === null || Array.isArray(found)) return found
    return new Map(Object.entries(found))
  })
}

/** A value as OPA gives it out in JSON: sets as arrays, keys that are no strings as their JSON. */
export function exactOf(value: RegoValue): Exact {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value
  if (typeof value === 'number' || typeof value === 'bigint') return new ExactNumber(String(value))
  if (value instanceof Map) {
    const entries = [...(value as ReadonlyMap<RegoValue, RegoValue>)]
    return new Map(entries.map(([key, held]) => [keyOf(key), exactOf(held)]))
  }
  const isCollection = Array.isArray(value) || value instanceof Set
  if (isCollection) return [...(value as readonly RegoValue[])].map(exactOf)
  return new ExactNumber((value as { text: string }).text)
}

function keyOf(key: RegoValue): string {
  return typeof key === 'string' ? key : exactText(exactOf(key))
}

/** The JSON of a value; two that are equal have the same. */
export function exactText(value: Exact): string {
  if (value === null || typeof value === 'boolean') return String(value)
  if (typeof value === 'string') return JSON.stringify(value)
  if (isArray(value)) return `[${value.map(exactText).join(',')}]`
  if (value instanceof ExactNumber) return plainNumber(value.text)
  const entries = [...value].map(([key, held]) => `${JSON.stringify(key)}:${exactText(held)}`)
  return `{${entries.toSorted().join(',')}}`
}

export function isArray(value: Exact): value is readonly Exact[] {
  return Array.isArray(value)
}

/** The same text for `1`, `1.0` and `10e-1`: `1`. */
function plainNumber(text: string): string {
  const [mantissa = '', power = '0'] = text.replace(/^-/, '').toLowerCase().split('e')
  const [whole = '', fraction = ''] = mantissa.split('.')
  const digits = `${whole}${fraction}`.replace(/^0+/, '')
  const significant = digits.replace(/0+$/, '')
  if (significant === '') return '0'
  const exponent = Number(power) - fraction.length + digits.length - significant.length
  const sign = text.startsWith('-') ? '-' : ''
  const zeros = exponent >= 0 && exponent <= 20 ? '0'.repeat(exponent) : undefined
  return `${sign}${significant}${zeros ?? `e${exponent}`}`
}
