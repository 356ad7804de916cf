import { ContractError, ContractErrorCode } from './errors.ts'
import { isPeriod, type PseudonymKey } from './personal-keys.ts'
import { isSealingKey, type SealingKeyPair, sealingKeyId } from './personal-seal.ts'

/**
 * The secret halves, in the key store of the audit service, a file for each key:
 *
 *     sealing-<id>.json        {"from":"<RFC 3339>","privateKey":"…","publicKey":"…","v":1}
 *     pseudonym-<period>.json  {"from":"<RFC 3339>","key":"…","period":"…","v":1}
 *
 * `verdict audit personal-keys` makes them, and audit destroys those that seal no more. The newest
 * of each kind is in force.
 */
export type PersonalKeyFile =
  | { readonly kind: 'sealing'; readonly fromMs: number; readonly pair: SealingKeyPair }
  | { readonly kind: 'pseudonym'; readonly fromMs: number; readonly pseudonym: PseudonymKey }

const FILE = /^(?:sealing|pseudonym)-[\w-]+\.json$/

/** Whether a file of the key store is one of these. */
export function isPersonalKeyFile(name: string): boolean {
  return FILE.test(name)
}

/** The name of the file, and what is in it. */
export function encodePersonalKeyFile(file: PersonalKeyFile): { name: string; text: string } {
  const from = new Date(file.fromMs).toISOString()
  if (file.kind === 'sealing') {
    const { privateKey, publicKey } = file.pair
    const text = JSON.stringify({ from, privateKey, publicKey, v: 1 })
    return { name: `sealing-${sealingKeyId(publicKey)}.json`, text: `${text}\n` }
  }
  const { period } = file.pseudonym
  const key = Buffer.from(file.pseudonym.key).toString('base64url')
  const text = JSON.stringify({ from, key, period, v: 1 })
  return { name: `pseudonym-${period}.json`, text: `${text}\n` }
}

/** @throws {ContractError} `malformed_personal_keys` */
export function parsePersonalKeyFile(name: string, text: string): PersonalKeyFile {
  const body = objectOf(name, text)
  const { from, key, period, privateKey, publicKey, v } = body
  const fromMs = Date.parse(String(from))
  if (v !== 1 || Number.isNaN(fromMs)) throw malformed(name)
  // The halves have the same form.
  if (isSealingKey(publicKey) && isSealingKey(privateKey)) {
    return { kind: 'sealing', fromMs, pair: { publicKey, privateKey } }
  }
  if (!isPeriod(period) || !isSealingKey(key)) throw malformed(name)
  const pseudonym = { period, key: Buffer.from(key, 'base64url') }
  return { kind: 'pseudonym', fromMs, pseudonym }
}

function objectOf(name: string, text: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(text)) as Record<string, unknown>
  } catch {
    throw malformed(name)
  }
}

function malformed(name: string): ContractError {
  return new ContractError(
    ContractErrorCode.malformedPersonalKeys,
    `\`${name}\` is no key for personal fields: restore it from a copy, or take it away`,
  )
}
