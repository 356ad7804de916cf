import { messageOf } from '@verdict/contract'
import { decodeProtectedHeader } from 'jose'
import { PolicyError, PolicyErrorCode } from '../errors.ts'
import type { BundleFiles } from './archive.ts'
import { objectOf, verifyJws } from './jws.ts'
import type { BundleKey, VerificationKeys } from './keys.ts'
import { FILES } from './names.ts'
import type { SignedContent } from './sign.ts'

/** Signatures of more are refused; a file takes about 200 bytes. */
const SIGNATURES_BYTES_MAX = 16 * 1024 ** 2

/** What OPA writes where nobody has asked for a plugin of their own. */
const PLUGINS: readonly unknown[] = ['', '_default']

/** What a trusted key has signed. */
export interface Verified {
  readonly content: SignedContent
  readonly keyId: string
}

/**
 * Reads OPA's `.signatures.json`, and verifies the one signature that is in it.
 * @throws {PolicyError} `bundle_unsigned`, `bundle_key_unknown`, `bundle_signature_invalid`
 */
export async function verifySignature(
  files: BundleFiles,
  keys: VerificationKeys,
): Promise<Verified> {
  const token = tokenIn(files.get(FILES.signatures))
  const id = keyIdOf(token)
  const key = keys.get(id)
  if (key === undefined) throw keyUnknown(id, 'the bundle')
  const content = await contentOf(token, key)
  if ((content.scope ?? '') !== (key.scope ?? '')) {
    throw invalid(`it is made for the scope \`${content.scope ?? ''}\`, which is not the key's`)
  }
  return { content, keyId: id }
}

export function keyUnknown(id: string, what: string): PolicyError {
  return new PolicyError(
    PolicyErrorCode.bundleKeyUnknown,
    `${what} is signed by the key \`${id}\`, which is not trusted: ` +
      'sign it by one that is, or add the key to the trusted ones',
  )
}

function tokenIn(bytes: Uint8Array | undefined): string {
  if (bytes === undefined) throw unsigned()
  if (bytes.byteLength > SIGNATURES_BYTES_MAX) throw invalid('it is too long')
  const json = parsed(bytes)
  const { signatures = [], plugin = '' } = json
  if (!Array.isArray(signatures) || signatures.length > 1) {
    throw invalid('there has to be exactly one')
  }
  if (!PLUGINS.includes(plugin))
    throw invalid(`it was made by the plugin \`${plugin}\`, which is not known`)
  const [token] = signatures
  if (token === undefined) throw unsigned()
  if (typeof token !== 'string') throw invalid('it is no text')
  return token
}

/** By the header, or where OPA had it before. What is read here proves nothing yet. */
function keyIdOf(token: string): string {
  try {
    const { kid } = decodeProtectedHeader(token)
    if (typeof kid === 'string' && kid !== '') return kid
  } catch (cause) {
    throw invalid('it cannot be read', cause)
  }
  const [, payload = ''] = token.split('.')
  const { keyid } = parsed(Buffer.from(payload, 'base64url'))
  if (typeof keyid === 'string' && keyid !== '') return keyid
  throw invalid('it names no key')
}

async function contentOf(token: string, key: BundleKey): Promise<SignedContent> {
  try {
    return asContent(await verifyJws(token, key))
  } catch (cause) {
    if (cause instanceof PolicyError) throw cause
    throw invalid(messageOf(cause), cause)
  }
}

function asContent(json: Readonly<Record<string, unknown>>): SignedContent {
  const { files, scope, verdict } = json
  const names = new Set<unknown>()
  for (const file of Array.isArray(files) ? files : []) {
    const { name, hash, algorithm } = (file ?? {}) as Readonly<Record<string, unknown>>
    if (![name, hash, algorithm].every((field) => typeof field === 'string')) {
      throw invalid('its list of files is none')
    }
    if (names.has(name)) throw invalid(`it has two hashes of \`${name}\``)
    names.add(name)
  }
  if (names.size === 0) throw invalid('it signs no files')
  if (scope !== undefined && typeof scope !== 'string') throw invalid('its scope is no text')
  if (verdict !== undefined && !isTexts((verdict as { bytes?: unknown } | null)?.bytes)) {
    throw invalid('its `verdict` is not known')
  }
  return json as unknown as SignedContent
}

function isTexts(json: unknown): boolean {
  if (typeof json !== 'object' || json === null) return false
  return Object.values(json).every((value) => typeof value === 'string')
}

function parsed(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    return objectOf(bytes)
  } catch (cause) {
    throw invalid('it is no JSON object', cause)
  }
}

function unsigned(): PolicyError {
  return new PolicyError(
    PolicyErrorCode.bundleUnsigned,
    'the bundle is not signed: sign it with `verdict policy sign`',
  )
}

function invalid(why: string, cause?: unknown): PolicyError {
  return new PolicyError(
    PolicyErrorCode.bundleSignatureInvalid,
    `the signature of the bundle is not valid: ${why}`,
    { cause },
  )
}
