import type { Scalar as ScalarNode } from 'yaml'
import { BuiltinError } from '../builtins/builtin.ts'
import { Decimal, integerOf, type Value } from '../value/value.ts'
import { formatFloat32 } from './float.ts'
import { decoded } from './utf8.ts'
import { resolveScalar, type Scalar } from './yaml-resolve.ts'

const TAG_PREFIX = 'tag:yaml.org,2002:'
const RESOLVED_TAGS: ReadonlySet<string> = new Set(['bool', 'int', 'float', 'null', 'timestamp'])

/** The value of a scalar. @throws {BuiltinError} */
export function valueOfScalar(node: ScalarNode): Value {
  const resolved = resolvedScalar(node)
  switch (resolved.kind) {
    case 'null':
      return null
    case 'bool':
      return resolved.value
    case 'int':
      return integerOf(resolved.value)
    case 'float':
      if (!Number.isFinite(resolved.value)) throw new BuiltinError('JSON has no such number')
      return Object.is(resolved.value, -0) ? new Decimal('-0') : resolved.value
    default:
      return textOf(node)
  }
}

/** A scalar as the key of an object. @throws {BuiltinError} */
export function keyOfScalar(node: ScalarNode): string {
  const resolved = resolvedScalar(node)
  switch (resolved.kind) {
    case 'null':
      throw new BuiltinError('`null` is no key')
    case 'bool':
    case 'int':
      return String(resolved.value)
    case 'float': {
      // Go writes the floats that are keys with 32 bits.
      const text = formatFloat32(resolved.value)
      return text.replace('+Inf', '.inf').replace('-Inf', '-.inf').replace('NaN', '.nan')
    }
    default:
      return textOf(node)
  }
}

function resolvedScalar(node: ScalarNode): Scalar {
  const tag = node.tag?.startsWith(TAG_PREFIX) ? node.tag.slice(TAG_PREFIX.length) : undefined
  const isTagged = node.tag !== undefined && node.tag !== '!'
  if (!isTagged)
    return node.type === 'PLAIN' || node.type === undefined ? plain(node) : { kind: 'string' }
  if (tag === undefined || !RESOLVED_TAGS.has(tag)) return { kind: 'string' }
  const resolved = resolveScalar(String(node.value ?? ''))
  if (tag === 'float' && resolved.kind === 'int') {
    return { kind: 'float', value: Number(resolved.value) }
  }
  if (resolved.kind !== tag || tag === 'timestamp')
    throw new BuiltinError(`no value of type ${tag}`)
  return resolved
}

/** Timestamps stay texts, which is what JSON has for them. */
function plain(node: ScalarNode): Scalar {
  return resolveScalar(String(node.value ?? ''))
}

function textOf(node: ScalarNode): string {
  const text = String(node.value ?? '')
  if (node.tag !== `${TAG_PREFIX}binary`) return text
  const base64 = text.replaceAll(/[\r\n]/g, '')
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(base64)) {
    throw new BuiltinError('no base64')
  }
  return decoded(Buffer.from(base64, 'base64'))
}
