import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { messageOf } from '@verdict/contract'
import { PolicyError, PolicyErrorCode } from '../errors.ts'

/** A key that signs bundles and their pointers, or verifies them. */
export interface BundleKey {
  readonly id: string
  readonly algorithm: KeyAlgorithm
  /** A private key to sign, a public key to verify. */
  readonly key: KeyObject
  /** What it may sign for: a signature of another scope is refused. */
  readonly scope?: string
}
/** By their names in a JWS: Ed25519, and ECDSA on P-256. */
export type KeyAlgorithm = 'EdDSA' | 'ES256'

type Json = Readonly<Record<string, unknown>>
const FIELDS = ['algorithm', 'publicKey', 'file', 'scope']

/** The keys whose bundles are trusted. */
export class VerificationKeys {
  readonly #keys: ReadonlyMap<string, BundleKey>

  constructor(keys: readonly BundleKey[]) {
    this.#keys = new Map(keys.map((key) => [key.id, key]))
  }

  /**
   * `{"<id>": {"algorithm": "EdDSA", "publicKey": "<PEM>", "scope": "prod"}}`, or `"file"` with
   * the path of a PEM file, from `folder`, instead of `"publicKey"`.
   * @throws {PolicyError} `bundle_key_malformed`
   */
  static parse(json: unknown, { folder = '.' }: { folder?: string } = {}): VerificationKeys {
    if (!isObject(json)) throw malformed('the keys for bundles are no JSON object')
    return new VerificationKeys(
      Object.entries(json).map(([id, described]) => verificationKey(id, described, folder)),
    )
  }

  get(id: string): BundleKey | undefined {
    return this.#keys.get(id)
  }

  get ids(): readonly string[] {
    return [...this.#keys.keys()]
  }
}

/** A private key from PEM (PKCS #8). @throws {PolicyError} `bundle_key_malformed` */
export function readSigningKey(
  pem: string,
  { id, scope }: { readonly id: string; readonly scope?: string | undefined },
): BundleKey {
  const key = tried(id, () => createPrivateKey(pem))
  return { id, algorithm: algorithmOf(id, key), key, ...(scope !== undefined && { scope }) }
}

/** A public key from PEM (SPKI). @throws {PolicyError} `bundle_key_malformed` */
export function readVerificationKey(
  pem: string,
  { id, scope }: { readonly id: string; readonly scope?: string | undefined },
): BundleKey {
  // What only verifies has no need of it, and it should not lie about.
  if (pem.includes('PRIVATE KEY')) throw malformed(`the key \`${id}\` is a private key`)
  const key = tried(id, () => createPublicKey(pem))
  return { id, algorithm: algorithmOf(id, key), key, ...(scope !== undefined && { scope }) }
}

function verificationKey(id: string, described: unknown, folder: string): BundleKey {
  if (id === '' || !isObject(described)) throw malformed(`the key \`${id}\` is no JSON object`)
  const strange = Object.keys(described).find((field) => !FIELDS.includes(field))
  if (strange !== undefined) {
    throw malformed(`the key \`${id}\` has \`${strange}\`, expected only ${FIELDS.join(', ')}`)
  }
  const { algorithm, publicKey, file, scope } = described
  if ((typeof publicKey === 'string') === (typeof file === 'string')) {
    throw malformed(`the key \`${id}\` needs \`publicKey\` with PEM, or \`file\` with its path`)
  }
  if (scope !== undefined && typeof scope !== 'string') {
    throw malformed(`the scope of the key \`${id}\` is no text`)
  }
  const pem =
    typeof publicKey === 'string'
      ? publicKey
      : tried(id, () => readFileSync(path.resolve(folder, String(file)), 'utf8'))
  const key = readVerificationKey(pem, { id, scope })
  if (key.algorithm !== algorithm) {
    throw malformed(`the key \`${id}\` is of ${key.algorithm}, and \`algorithm\` says otherwise`)
  }
  return key
}

function algorithmOf(id: string, key: KeyObject): KeyAlgorithm {
  if (key.asymmetricKeyType === 'ed25519') return 'EdDSA'
  const { namedCurve } = key.asymmetricKeyDetails ?? {}
  if (key.asymmetricKeyType === 'ec' && namedCurve === 'prime256v1') return 'ES256'
  throw malformed(`the key \`${id}\` is neither of Ed25519 nor of P-256`)
}

function tried<T>(id: string, work: () => T): T {
  try {
    return work()
  } catch (cause) {
    throw malformed(`the key \`${id}\` cannot be read: ${messageOf(cause)}`, cause)
  }
}

function isObject(json: unknown): json is Json {
  return typeof json === 'object' && json !== null && !Array.isArray(json)
}

function malformed(what: string, cause?: unknown): PolicyError {
  return new PolicyError(
    PolicyErrorCode.bundleKeyMalformed,
    `${what} (\`verdict policy keygen\` makes keys)`,
    { cause },
  )
}
