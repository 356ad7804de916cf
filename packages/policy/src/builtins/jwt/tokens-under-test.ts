import { generateKeyPairSync, type JsonWebKey, type KeyObject } from 'node:crypto'
import { ALGORITHMS, signatureOf } from './signature.ts'

/** A pair of keys, in the forms in which a policy has them. */
export interface Pair {
  readonly privateKey: KeyObject
  readonly pem: string
  readonly jwk: JsonWebKey
  readonly privateJwk: JsonWebKey
}

const UNBOUND = {
  nowNs: 0n,
  runtime: null,
  spend: () => undefined,
  once: (_: string, make: () => never) => make(),
  ask: (): never => {
    throw new Error('nothing is asked')
  },
  print: () => undefined,
}

const KEY_TYPES = {
  rsa: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  small: () => generateKeyPairSync('rsa', { modulusLength: 512 }),
  p256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  p384: () => generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  p521: () => generateKeyPairSync('ec', { namedCurve: 'P-521' }),
  ed25519: () => generateKeyPairSync('ed25519'),
  x25519: () => generateKeyPairSync('x25519'),
} as const
export type KeyType = keyof typeof KEY_TYPES

export const PAIRS = Object.fromEntries(
  Object.entries(KEY_TYPES).map(([name, generate]) => {
    const { publicKey, privateKey } = generate()
    const pem = String(publicKey.export({ format: 'pem', type: 'spki' }))
    const jwk = publicKey.export({ format: 'jwk' })
    return [name, { privateKey, pem, jwk, privateJwk: privateKey.export({ format: 'jwk' }) }]
  }),
) as Record<KeyType, Pair>

export const encoded = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value), 'utf8').toString(
    'base64url',
  )

/** A token of these parts, texts or what JSON makes of them, signed. */
export function tokenBy(
  key: KeyObject | Buffer,
  header: Readonly<Record<string, unknown>>,
  payload: unknown,
  alg = String(header['alg']),
): string {
  const content = `${encoded(header)}.${encoded(payload)}`
  const algorithm = ALGORITHMS.get(alg)
  const signature = algorithm && signatureOf(UNBOUND, algorithm, key, content)
  return `${content}.${signature?.toString('base64url') ?? ''}`
}
