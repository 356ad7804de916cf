import { BuiltinError } from '../builtin.ts'
import { contextTag, Der, TAG } from './der.ts'

const RSA_PSS = '1.2.840.113549.1.1.10'
const MGF1 = '1.2.840.113549.1.1.8'
const ED25519 = '1.3.101.112'

/** Go's numbers for kinds of signatures. */
const KINDS: ReadonlyMap<string, number> = new Map([
  ['1.2.840.113549.1.1.4', 2],
  ['1.2.840.113549.1.1.5', 3],
  ['1.3.14.3.2.29', 3],
  ['1.2.840.113549.1.1.11', 4],
  ['1.2.840.113549.1.1.12', 5],
  ['1.2.840.113549.1.1.13', 6],
  ['1.2.840.10040.4.3', 7],
  ['2.16.840.1.101.3.4.3.2', 8],
  ['1.2.840.10045.4.1', 9],
  ['1.2.840.10045.4.3.2', 10],
  ['1.2.840.10045.4.3.3', 11],
  ['1.2.840.10045.4.3.4', 12],
  [ED25519, 16],
])
/** Those of PSS, by the hash and the size of the salt. */
const PSS_KINDS: ReadonlyMap<string, number> = new Map([
  ['2.16.840.1.101.3.4.2.1 32', 13],
  ['2.16.840.1.101.3.4.2.2 48', 14],
  ['2.16.840.1.101.3.4.2.3 64', 15],
])
const NULL = '0500'

/** Go's number for an algorithm, 0 where it is not known. @throws {BuiltinError} */
export function signatureAlgorithmOf(bytes: Buffer): number {
  const der = new Der(bytes)
  const name = der.oid().join('.')
  const parameters = der.isEmpty ? Buffer.alloc(0) : der.any().bytes
  if (name === RSA_PSS) return pssKind(parameters)
  return name === ED25519 && parameters.length !== 0 ? 0 : (KINDS.get(name) ?? 0)
}

function pssKind(parameters: Buffer): number {
  try {
    const der = new Der(parameters).inner(TAG.sequence)
    const hash = algorithm(der.inner(contextTag(0, true)))
    const mask = der.inner(contextTag(1, true)).inner(TAG.sequence)
    if (mask.oid().join('.') !== MGF1) return 0
    const maskHash = algorithm(mask)
    const salt = der.inner(contextTag(2, true)).integer()
    const trailer = der.optional(contextTag(3, true))?.integer() ?? 1n
    if (hash !== maskHash || hash === undefined || trailer !== 1n) return 0
    return PSS_KINDS.get(`${hash} ${salt}`) ?? 0
  } catch (error) {
    if (error instanceof BuiltinError) return 0
    throw error
  }
}

/** The name of a hash; nothing where it has parameters. */
function algorithm(der: Der): string | undefined {
  const sequence = der.inner(TAG.sequence)
  const name = sequence.oid().join('.')
  return sequence.isEmpty || sequence.any().bytes.toString('hex') === NULL ? name : undefined
}
