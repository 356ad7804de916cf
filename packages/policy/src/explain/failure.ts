import type { Local, Operand, Statement } from '../plan/plan.ts'
import type { Failure, ShownValue } from './explanation.ts'
import { type Exit, FAILED, type Frame, NEXT } from './frame.ts'
import { below, pathText } from './origin.ts'
import type { Given, Witnessed } from './provenance.ts'
import { shownText } from './shown.ts'
import type { Witness } from './witness.ts'

interface Fields {
  readonly a: Operand
  readonly b: Operand
  readonly source: Operand
  readonly key: Operand
  readonly func?: string
  readonly args?: readonly (Operand | Local)[] | null
}

const KINDS: Readonly<Record<string, string>> = {
  IsArrayStmt: 'an array',
  IsObjectStmt: 'an object',
  IsSetStmt: 'a set',
}

/** Why a statement has failed; undefined where it has not. */
export function failureOf(
  frame: Frame,
  { type, stmt }: Statement,
  exit: Exit,
  witness: Witness,
): Failure | undefined {
  const fields = stmt as unknown as Fields
  const of = (operand: Operand | Local) => witness.of(frame, operand)
  if (type === 'ScanStmt') {
    const collection = of(fields.source as unknown as Local)
    return isEmpty(collection) ? { why: 'empty', collection: shown(collection) } : undefined
  }
  if (exit === NEXT) return undefined
  switch (type) {
    case 'EqualStmt':
      return { why: 'unequal', left: shown(of(fields.a)), right: shown(of(fields.b)) }
    case 'NotEqualStmt':
      return unless(of(fields.a), of(fields.b))
    case 'DotStmt':
      return missing(of(fields.source), of(fields.key))
    case 'CallStmt':
    case 'CallDynamicStmt': {
      const operands = (fields.args ?? []).map((operand) => shown(of(operand)))
      const name = (fields.func ?? 'a rule').replace(/^g\d+\./, '')
      // The first operands of rules are the documents.
      const own = name.startsWith('data.') ? operands.slice(2) : operands
      return { why: 'undefined', name, operands: own }
    }
    case 'IsArrayStmt':
    case 'IsObjectStmt':
    case 'IsSetStmt':
      return { why: 'type', wanted: KINDS[type] ?? '', value: shown(of(fields.source)) }
    case 'NotStmt':
      return exit === FAILED ? { why: 'held' } : { why: 'failed' }
    case 'WithStmt':
      return { why: 'failed' }
    default:
      return { why: 'failed' }
  }
}

/** A condition that is a value, or a call, fails where it is `false`. */
function unless(value: Witnessed, other: Witnessed): Failure {
  if (other.value !== false) return { why: 'equal', left: shown(value), right: shown(other) }
  const operands = (value.given?.operands ?? []).map(shown)
  return { why: 'false', value: shown(value), operands }
}

function missing(container: Witnessed, key: Witnessed): Failure {
  const at = container.origin && key.value !== undefined && below(container.origin, key.value)
  const { value, from: within = value ?? 'undefined' } = shown(container)
  const keyText = key.value === undefined ? '?' : shownText(key.value)
  const from = at && at.put === undefined ? pathText(at) : `${within}[${keyText}]`
  return { why: 'missing', place: { from } }
}

function shown({ value, origin, given }: Witnessed): ShownValue {
  const from = origin && origin.put === undefined ? pathText(origin) : given && callText(given)
  return {
    ...(value !== undefined && { value: shownText(value) }),
    ...(from !== undefined && { from }),
  }
}

function callText({ name, operands }: Given): string {
  const texts = operands.map(({ value, origin }) => {
    const { value: text = 'undefined', from = text } = shown(origin ? { value, origin } : { value })
    return from
  })
  return `${name}(${texts.join(', ')})`
}

function isEmpty({ value }: Witnessed): boolean {
  if (typeof value !== 'object' || value === null) return true
  if (Array.isArray(value)) return value.length === 0
  return !(value instanceof Map || value instanceof Set) || value.size === 0
}
