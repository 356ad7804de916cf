import { ContractError, ContractErrorCode } from './errors.ts'
import { isSealingKey } from './personal-seal.ts'

/**
 * What decision points need for personal fields, the file of VERDICT_AUTHZ_PERSONAL_KEYS:
 *
 *     {"pseudonym":{"key":"<32 bytes, base64url>","period":"2026-11"},"sealingKey":"<…>","v":1}
 *
 * `verdict audit personal-keys` makes it. The key of the pseudonyms is a secret: who has it can try
 * names.
 */
export interface PersonalKeys {
  readonly pseudonym: PseudonymKey
  /** The public key of the audit service, X25519. */
  readonly sealingKey: string
}

/** The key of the pseudonyms of one period, which begins with a rotation. */
export interface PseudonymKey {
  readonly period: string
  readonly key: Uint8Array
}

const PSEUDONYM_KEY_BYTES = 32
const PERIOD = /^[\w-]{1,32}$/

export function isPeriod(text: unknown): text is string {
  return typeof text === 'string' && PERIOD.test(text)
}

export function encodePersonalKeys({ pseudonym, sealingKey }: PersonalKeys): string {
  const { period } = pseudonym
  const key = Buffer.from(pseudonym.key).toString('base64url')
  return `${JSON.stringify({ pseudonym: { key, period }, sealingKey, v: 1 })}\n`
}

/** @throws {ContractError} `malformed_personal_keys` */
export function parsePersonalKeys(text: string): PersonalKeys {
  const { pseudonym, sealingKey, v } = objectOf(text) as Partial<
    Record<string, unknown> & { pseudonym: { key?: unknown; period?: unknown } }
  >
  const { period } = pseudonym ?? {}
  const key = Buffer.from(String(pseudonym?.key ?? ''), 'base64url')
  if (v !== 1) throw malformed('it has no `"v":1`')
  if (!isPeriod(period)) throw malformed('`pseudonym.period` is not a name')
  if (key.length !== PSEUDONYM_KEY_BYTES) throw malformed('`pseudonym.key` is not 32 bytes')
  if (!isSealingKey(sealingKey)) throw malformed('`sealingKey` is not an X25519 key')
  return { pseudonym: { period, key }, sealingKey }
}

function objectOf(text: string): object {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : {}
  } catch (cause) {
    throw malformed('it is not JSON', cause)
  }
}

function malformed(why: string, cause?: unknown): ContractError {
  const message = `no personal keys: ${why}; make them by \`verdict audit personal-keys\``
  return new ContractError(ContractErrorCode.malformedPersonalKeys, message, { cause })
}
