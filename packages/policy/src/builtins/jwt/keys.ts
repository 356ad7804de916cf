import { createPublicKey, type KeyObject, X509Certificate } from 'node:crypto'
import { pemBlock } from '../../go/pem.ts'
import { BuiltinError } from '../builtin.ts'
import { type Jwk, parseJwks } from './jwk.ts'
import { ALGORITHMS } from './signature.ts'

/** Texts whose keys are kept, the least used one goes; a longer text is read at each use. */
const KEPT_MAX = 100
const KEPT_CHARACTERS_MAX = 64 * 1024

const kept = new Map<string, readonly Jwk[]>()

/** The keys of a certificate or a public key in PEM, or of JWKs. @throws {BuiltinError} */
export function verificationKeys(text: string): readonly Jwk[] {
  const found = kept.get(text)
  kept.delete(text)
  const keys = found ?? parseKeys(text)
  if (text.length <= KEPT_CHARACTERS_MAX) kept.set(text, keys)
  const [oldest] = kept.keys()
  if (kept.size > KEPT_MAX && oldest !== undefined) kept.delete(oldest)
  return keys
}

function parseKeys(text: string): readonly Jwk[] {
  const block = pemBlock(text)
  if (block === undefined) {
    return parseJwks(text).filter(({ alg }) => alg === '' || ALGORITHMS.has(alg))
  }
  if (block.rest !== '') throw new BuiltinError('something follows the block of PEM')
  return [{ alg: '', kid: '', key: publicKey(block.type, block.bytes) }]
}

function publicKey(type: string, der: Buffer): KeyObject {
  try {
    if (type === 'CERTIFICATE') return new X509Certificate(der).publicKey
    if (type === 'PUBLIC KEY') return createPublicKey({ key: der, format: 'der', type: 'spki' })
  } catch {
    throw new BuiltinError('the block of PEM holds no certificate and no key')
  }
  throw new BuiltinError('the block of PEM is for something else')
}
