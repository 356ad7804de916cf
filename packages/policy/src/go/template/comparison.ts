import { BuiltinError } from '../../builtins/builtin.ts'
import { asText, Constant, type Data, isList, isMap } from './data.ts'

type Kind = 'bool' | 'int' | 'float' | 'text' | 'none' | 'composite'

/** Whether a value is one of others. Values of different kinds cannot be compared. */
export function equals(first: Data, others: readonly Data[]): boolean {
  if (others.length === 0) throw new BuiltinError('there is nothing to compare with')
  return others.some((other) => equal(first, other))
}

function equal(a: Data, b: Data): boolean {
  const [left, right] = [kindOf(a), kindOf(b)]
  if (left === 'none' || right === 'none') return left === right
  if (left !== right || left === 'composite')
    throw new BuiltinError('values that cannot be compared')
  return plain(a) === plain(b)
}

/** The order of two numbers or texts. */
export function compared(operands: readonly Data[]): number {
  const [a, b] = operands
  const kind = kindOf(a)
  if (operands.length !== 2 || kind !== kindOf(b) || !/^(?:int|float|text)$/.test(kind)) {
    throw new BuiltinError('values that have no order')
  }
  if (kind === 'text')
    return Buffer.compare(Buffer.from(String(plain(a))), Buffer.from(String(plain(b))))
  return Number(plain(a)) - Number(plain(b))
}

function kindOf(data: Data): Kind {
  if (data === undefined || data === null) return 'none'
  if (typeof data === 'boolean') return 'bool'
  if (data instanceof Constant) return data.type
  return isList(data) || isMap(data) ? 'composite' : 'text'
}

function plain(data: Data): string | number | boolean {
  if (typeof data === 'boolean') return data
  return data instanceof Constant ? data.value : (asText(data) ?? '')
}
