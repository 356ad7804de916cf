import { messageOf } from '@verdict/contract'
import { CompactSign, decodeProtectedHeader } from 'jose'
import { PolicyError, PolicyErrorCode } from '../errors.ts'
import { verifyJws } from './jws.ts'
import type { BundleKey, VerificationKeys } from './keys.ts'
import { keyUnknown } from './signature.ts'

/** A longer text is no pointer. */
export const POINTER_BYTES_MAX = 4_096
const TYPE = 'verdict-bundle-pointer'
const FORMAT = 1
const NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/
const REVISION_MAX = 1_024

/** Which bundle is in force under a name. */
export interface BundlePointer {
  /** Of the bundle: letters, digits, `-` and `_`. */
  readonly name: string
  readonly revision: string
  readonly serial: number
  /** SHA-256 of the archive, in hex. */
  readonly digest: string
  /** Of the archive, in bytes. */
  readonly size: number
  /** Of the pointer: a whole number that only grows, so that an older pointer is told. */
  readonly version: number
  /** Allows a bundle that is older than one that was in force. */
  readonly rollback?: true
}

type Json = Readonly<Record<string, unknown>>

/** A compact JWS. @throws {PolicyError} `pointer_invalid` where it could not be verified */
export async function signPointer(pointer: BundlePointer, key: BundleKey): Promise<string> {
  const { name, revision, serial, digest, size, version, rollback } = asPointer({ ...pointer })
  const scope = key.scope === undefined ? {} : { scope: key.scope }
  const json = { v: FORMAT, name, revision, serial, digest, size, version, rollback, ...scope }
  return await new CompactSign(Buffer.from(JSON.stringify(json)))
    .setProtectedHeader({ alg: key.algorithm, typ: TYPE, kid: key.id })
    .sign(key.key)
}

/** @throws {PolicyError} `pointer_invalid`, `bundle_key_unknown` */
export async function verifyPointer(text: string, keys: VerificationKeys): Promise<BundlePointer> {
  if (text.length > POINTER_BYTES_MAX) throw invalid('it is too long')
  try {
    const { kid = '', typ } = decodeProtectedHeader(text)
    if (typ !== TYPE) throw invalid('it is signed as something else')
    const key = keys.get(kid)
    if (key === undefined) throw keyUnknown(kid, 'the pointer')
    const json = await verifyJws(text, key)
    if (json['v'] !== FORMAT) throw invalid(`its format is \`${json['v']}\`, expected ${FORMAT}`)
    if ((json['scope'] ?? '') !== (key.scope ?? ''))
      throw invalid('its scope is not that of the key')
    return asPointer(json)
  } catch (cause) {
    if (cause instanceof PolicyError) throw cause
    throw invalid(messageOf(cause), cause)
  }
}

function asPointer(json: Json): BundlePointer {
  const { name, revision, serial, digest, size, version, rollback } = json
  if (typeof name !== 'string' || !NAME.test(name)) throw invalid(`its name is \`${name}\``)
  if (typeof revision !== 'string' || revision.length > REVISION_MAX) {
    throw invalid('its revision is no short text')
  }
  if (typeof digest !== 'string' || !/^[0-9a-f]{64}$/.test(digest)) {
    throw invalid('its digest is no SHA-256 in hex')
  }
  if (!(isWhole(serial) && isWhole(size) && isWhole(version))) {
    throw invalid('its serial, size or version is no whole number')
  }
  if (rollback !== undefined && rollback !== true) throw invalid('its `rollback` is not `true`')
  return { name, revision, serial, digest, size, version, ...(rollback && { rollback }) }
}

function isWhole(json: unknown): json is number {
  return Number.isSafeInteger(json) && (json as number) >= 0
}

function invalid(why: string, cause?: unknown): PolicyError {
  return new PolicyError(
    PolicyErrorCode.pointerInvalid,
    `the pointer to a bundle is not valid: ${why}`,
    { cause },
  )
}
