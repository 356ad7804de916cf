import { createHash } from 'node:crypto'
import path from 'node:path'
import { messageOf } from '@verdict/contract'
import { writeJson } from '../value/write.ts'
import { canonicalJson } from './canonical-json.ts'
import { isData, readData } from './data-files.ts'
import { FILES } from './names.ts'
import { malformed } from './refusals.ts'

/**
 * The algorithms that a signature may name, and Node's names of them. OPA also knows MD5 and SHA-1,
 * which it never writes: with them, a file could be changed under its hash.
 */
const ALGORITHMS: ReadonlyMap<string, string> = new Map([
  ['SHA-224', 'sha224'],
  ['SHA-256', 'sha256'],
  ['SHA-384', 'sha384'],
  ['SHA-512', 'sha512'],
  ['SHA-512-224', 'sha512-224'],
  ['SHA-512-256', 'sha512-256'],
])
export const HASH_ALGORITHM = 'SHA-256'

/** Whether the hash of a file is of what it says, however it is written. */
export function isStructured(name: string): boolean {
  return isData(name) || path.posix.basename(name) === FILES.manifest
}

/**
 * The hash of a file as OPA's signatures have it, in hex: of JSON and YAML, of its content with
 * sorted keys; of anything else, of its bytes. Undefined for an algorithm that is not known.
 * @throws {PolicyError} `bundle_malformed`
 */
export function hashFile(name: string, bytes: Uint8Array, algorithm: string): string | undefined {
  const known = ALGORITHMS.get(algorithm)
  if (known === undefined) return undefined
  const hash = createHash(known)
  return hash.update(isStructured(name) ? canonicalText(name, bytes) : bytes).digest('hex')
}

/** SHA-256 of bytes, in hex. */
export function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

function canonicalText(name: string, bytes: Uint8Array): string {
  try {
    const text = /\.ya?ml$/.test(name)
      ? writeJson(readData(name, bytes))
      : new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    return canonicalJson(text)
  } catch (cause) {
    throw malformed(`has \`${name}\`, which cannot be read (${messageOf(cause)})`, cause)
  }
}
