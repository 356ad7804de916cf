import { createPrivateKey, type JsonWebKey, type KeyObject } from 'node:crypto'
import { base64Bytes } from '../../go/base64.ts'
import { pemBlock } from '../../go/pem.ts'
import { integerOf, type Value } from '../../value/value.ts'
import { BuiltinError, type Builtins, type Evaluation } from '../builtin.ts'
import { stringOf } from '../operands.ts'
import { Der, TAG } from './der.ts'
import { struct } from './names.ts'

/** What it costs to read a key, which is also proven to be one, in units. */
export const KEY_UNITS = 300_000

export const privateKeyBuiltins: Builtins = {
  'crypto.parse_private_keys': (evaluation, text) => {
    if (stringOf(text) === '') return null
    return keysIn(evaluation, stringOf(text)).map(privateKeyValue)
  },
  'crypto.x509.parse_rsa_private_key': (evaluation, text) => {
    const pem = stringOf(text)
    if (pem === '') throw new BuiltinError('the text is empty')
    const [key] = keysIn(evaluation, pem.startsWith('-----BEGIN') ? pem : base64Text(pem))
    return key === undefined ? null : jwkValue(key)
  },
}

/** The encodings of keys, by the names of blocks of PEM. */
const ENCODINGS: ReadonlyMap<string, Encoding> = new Map([
  ['RSA PRIVATE KEY', 'pkcs1'],
  ['PRIVATE KEY', 'pkcs8'],
  ['EC PRIVATE KEY', 'sec1'],
])
const CURVES: ReadonlySet<string> = new Set(['P-256', 'P-384', 'P-521'])

/** The keys in blocks of PEM, or in base64 of them; other blocks are passed over. */
function keysIn(evaluation: Evaluation, text: string): KeyObject[] {
  evaluation.spend(text.length)
  const keys: KeyObject[] = []
  for (let rest = base64Bytes(text, 'standard')?.toString('latin1') ?? text; rest !== ''; ) {
    const block = pemBlock(rest)
    if (block === undefined) break
    rest = block.rest
    const type = ENCODINGS.get(block.type)
    if (type === undefined) continue
    evaluation.spend(KEY_UNITS)
    keys.push(privateKey(block.bytes, [type]))
  }
  return keys
}

type Encoding = 'pkcs1' | 'pkcs8' | 'sec1'

/** What comes behind the version, by the encoding. */
const SECOND: Readonly<Record<Encoding, number>> = {
  pkcs1: TAG.integer,
  pkcs8: TAG.sequence,
  sec1: TAG.octetString,
}
const KINDS: ReadonlySet<string> = new Set(['rsa', 'ec', 'ed25519', 'x25519'])

/** The key in one of these encodings. @throws {BuiltinError} */
export function privateKey(der: Buffer, encodings: readonly Encoding[]): KeyObject {
  const sequence = new Der(der).inner(TAG.sequence)
  sequence.integer()
  const type = encodings.find((encoding) => sequence.isNext(SECOND[encoding]))
  if (type === undefined) throw noKey()
  try {
    const key = createPrivateKey({ key: der, format: 'der', type })
    if (KINDS.has(key.asymmetricKeyType ?? '')) return key
  } catch {
    throw noKey()
  }
  throw noKey()
}

function noKey(): BuiltinError {
  return new BuiltinError('the bytes are no key in this encoding')
}

/** A key as JSON has Go's structs. @throws {BuiltinError} */
export function privateKeyValue(key: KeyObject): Value {
  if (key.asymmetricKeyType === 'x25519') return new Map()
  const jwk = key.export({ format: 'jwk' })
  if (key.asymmetricKeyType === 'ed25519') {
    return Buffer.concat([bytes(jwk.d), bytes(jwk.x)]).toString('base64')
  }
  if (key.asymmetricKeyType === 'ec') {
    return struct({ Curve: new Map(), D: number(jwk.d), X: number(jwk.x), Y: number(jwk.y) })
  }
  return struct({
    N: number(jwk.n),
    E: number(jwk.e),
    D: number(jwk.d),
    Primes: [number(jwk.p), number(jwk.q)],
    Precomputed: struct({
      Dp: number(jwk.dp),
      Dq: number(jwk.dq),
      Qinv: number(jwk.qi),
      CRTValues: [],
    }),
  })
}

/** @throws {BuiltinError} */
function jwkValue(key: KeyObject): Value {
  const jwk: JsonWebKey = key.export({ format: 'jwk' })
  if (jwk.kty === 'EC' && !CURVES.has(jwk.crv ?? '')) throw new BuiltinError('a curve without name')
  return struct(Object.fromEntries(Object.entries(jwk).map(([name, text]) => [name, String(text)])))
}

function base64Text(text: string): string {
  const decoded = base64Bytes(text, 'standard')
  if (decoded === undefined) throw new BuiltinError('the text is neither PEM nor base64')
  return decoded.toString('latin1')
}

function bytes(text: string | undefined): Buffer {
  return Buffer.from(text ?? '', 'base64url')
}

function number(text: string | undefined): Value {
  return integerOf(BigInt(`0x${bytes(text).toString('hex')}`))
}
