import { createPublicKey } from 'node:crypto'
import { integerOf, type Value } from '../../value/value.ts'
import { Der, malformed, TAG } from './der.ts'
import { struct } from './names.ts'

/** Go's numbers for kinds of keys. */
const KINDS: ReadonlyMap<string, number> = new Map([
  ['1.2.840.113549.1.1.1', 1],
  ['1.2.840.10040.4.1', 2],
  ['1.2.840.10045.2.1', 3],
  ['1.3.101.112', 4],
])
/** The bytes of a coordinate, by the curve. */
const CURVES: ReadonlyMap<string, number> = new Map([
  ['1.3.132.0.33', 28],
  ['1.2.840.10045.3.1.7', 32],
  ['1.3.132.0.34', 48],
  ['1.3.132.0.35', 66],
])
const NULL = '0500'

/** What Go makes of an element with a key, which is null where its kind is not known. */
export interface PublicKey {
  readonly kind: number
  readonly key: Value
}

/** @throws {BuiltinError} */
export function publicKeyOf(bytes: Buffer): PublicKey {
  const der = new Der(bytes).inner(TAG.sequence)
  const algorithm = der.inner(TAG.sequence)
  const kind = KINDS.get(algorithm.oid().join('.')) ?? 0
  const parameters = algorithm.isEmpty ? Buffer.alloc(0) : algorithm.any().bytes
  const data = der.alignedBits()
  return { kind, key: KEYS[kind]?.(data, parameters, bytes) ?? null }
}

type ReadKey = (data: Buffer, parameters: Buffer, bytes: Buffer) => Value

const KEYS: readonly (ReadKey | undefined)[] = [undefined, rsaKey, dsaKey, ecKey, edKey]

function rsaKey(data: Buffer, parameters: Buffer): Value {
  if (parameters.toString('hex') !== NULL) throw malformed()
  const der = new Der(data).inner(TAG.sequence)
  const [modulus, exponent] = [der.integer(), der.int64()]
  if (modulus <= 0n || exponent <= 0n) throw malformed()
  return struct({ N: integerOf(modulus), E: integerOf(exponent) })
}

function dsaKey(data: Buffer, parameters: Buffer): Value {
  const y = new Der(data).integer()
  const der = new Der(parameters).inner(TAG.sequence)
  const [p, q, g] = [der.integer(), der.integer(), der.integer()]
  if ([p, q, g, y].some((number) => number <= 0n)) throw malformed()
  return struct({ P: integerOf(p), Q: integerOf(q), G: integerOf(g), Y: integerOf(y) })
}

function ecKey(data: Buffer, parameters: Buffer, bytes: Buffer): Value {
  const size = CURVES.get(new Der(parameters).oid().join('.'))
  if (size === undefined || data.length !== 2 * size + 1 || data[0] !== 4) throw malformed()
  try {
    // Only this knows whether the point is on the curve.
    createPublicKey({ key: bytes, format: 'der', type: 'spki' })
  } catch {
    throw malformed()
  }
  return struct({
    Curve: new Map(),
    X: unsigned(data.subarray(1, size + 1)),
    Y: unsigned(data.subarray(size + 1)),
  })
}

function edKey(data: Buffer, parameters: Buffer): Value {
  if (parameters.length !== 0 || data.length !== 32) throw malformed()
  return data.toString('base64')
}

export function unsigned(bytes: Buffer): Value {
  return integerOf(bytes.length === 0 ? 0n : BigInt(`0x${bytes.toString('hex')}`))
}
