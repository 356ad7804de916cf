import type { Failure, ShownValue } from '@verdict/policy'
import { cut } from './cut.ts'

/** Built-ins that people write as operators. */
const OPERATORS: Readonly<Record<string, string>> = {
  gt: '>',
  gte: '>=',
  lt: '<',
  lte: '<=',
  neq: '!=',
  equal: '==',
  'internal.member_2': 'in',
}

/** Why a condition failed, for people. */
export function failureText(failure: Failure): string {
  switch (failure.why) {
    case 'unequal':
      return unequal(failure.left, failure.right)
    case 'equal':
      return `${told(failure.left)}, which it must not be`
    case 'missing':
      return `there is no ${failure.place.from ?? 'value'}`
    case 'false':
      return isFalse(failure.value, failure.operands)
    case 'undefined':
      return `${called(failure.name, failure.operands)} is undefined`
    case 'type':
      return `${told(failure.value)}, which is not ${failure.wanted}`
    case 'held':
      return 'it holds, and must not'
    case 'empty':
      return `${failure.collection.from ?? short(failure.collection)} has no members`
    default:
      return 'it does not hold'
  }
}

function unequal(left: ShownValue, right: ShownValue): string {
  // What is asked about comes first: it has a place, and what it is compared with may have none.
  const [subject, other] = left.from === undefined && right.from ? [right, left] : [left, right]
  if (other.from === undefined) return `${told(subject)}, not ${short(other)}`
  return `${told(subject)}, and ${told(other)}`
}

function isFalse(value: ShownValue, operands: readonly ShownValue[]): string {
  const [name = ''] = /^[\w.]+(?=\()/.exec(value.from ?? '') ?? []
  const [left, right] = operands
  if (left === undefined) return `${value.from ?? 'it'} is false`
  const operator = OPERATORS[name]
  const call =
    operator === undefined || right === undefined
      ? called(name, operands)
      : `${short(left)} ${operator} ${short(right)}`
  const origins = operands.filter(({ from }) => from !== undefined).map(told)
  return `${call} is false${origins.length === 0 ? '' : `, where ${origins.join(' and ')}`}`
}

function called(name: string, operands: readonly ShownValue[]): string {
  if (name.startsWith('data.') && operands.length === 0) return name
  return `${name}(${operands.map(short).join(', ')})`
}

function told(value: ShownValue): string {
  return value.from === undefined
    ? `it is ${short(value)}`
    : `${cut(value.from)} is ${short(value)}`
}

function short({ value = 'undefined' }: ShownValue): string {
  return cut(value)
}
