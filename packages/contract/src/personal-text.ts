import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto'

/** The fields of a record that may name a person, and so may be under the key of their subject. */
export const PERSONAL_FIELDS = [
  'principal',
  'identity.subject',
  'identity.workload',
  'source.address',
  'source.principal',
  'policy.input',
  'reason',
  'request.host',
  'request.id',
  'request.path',
] as const
export type PersonalField = (typeof PERSONAL_FIELDS)[number]

/** Those that nearly always name one. */
export const PERSONAL_FIELDS_DEFAULT: readonly PersonalField[] = [
  'principal',
  'identity.subject',
  'source.address',
  'source.principal',
  'policy.input',
]

/** Where a personal text stands: a text that is moved to another place can't be read there. */
export interface PersonalPlace {
  /** The id of the decision. */
  readonly decision: string
  /** The path of the field, such as `identity.subject`. */
  readonly field: string
}

const CIPHER = 'aes-256-gcm'
const NONCE_BYTES = 12
const TAG_BYTES = 16
/** `enc:<id of the key>:<nonce ‖ ciphertext ‖ tag>` */
const SEALED_TEXT = /^enc:([\w-]{16}):([\w-]{38,})$/
const KEY_ID = /enc:([\w-]{16}):/g
const PREFIX_CHARS = 'enc::'.length + 16

/** A text under the key of its subject. The nonce must never be used again with this key. */
export function encryptText(
  text: string,
  { id, key, nonce }: { id: string; key: Uint8Array; nonce: Uint8Array },
  place: PersonalPlace,
): string {
  const cipher = createCipheriv(CIPHER, key, nonce).setAAD(aadOf(place))
  const bytes = [nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]
  return `enc:${id}:${Buffer.concat(bytes).toString('base64url')}`
}

/** The id of the key that a text is encrypted under; undefined where it is not encrypted. */
export function keyIdOf(text: string): string | undefined {
  return SEALED_TEXT.exec(text)?.[1]
}

/** The ids of all keys that texts in these lines are encrypted under. */
export function keyIdsIn(lines: string): Set<string> {
  return new Set(Array.from(lines.matchAll(KEY_ID), ([, id = '']) => id))
}

/** The text; undefined where it was not encrypted by this key for this place. */
export function decryptText(
  text: string,
  key: Uint8Array,
  place: PersonalPlace,
): string | undefined {
  const bytes = Buffer.from(SEALED_TEXT.exec(text)?.[2] ?? '', 'base64url')
  if (bytes.length < NONCE_BYTES + TAG_BYTES) return undefined
  const cipher = createDecipheriv(CIPHER, key, bytes.subarray(0, NONCE_BYTES))
  cipher.setAAD(aadOf(place)).setAuthTag(bytes.subarray(-TAG_BYTES))
  try {
    const begun = cipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES))
    return Buffer.concat([begun, cipher.final()]).toString('utf8')
  } catch {
    // Changed, or of another place.
    return undefined
  }
}

/** How many bytes of a text may be encrypted so that it takes at most so many characters then. */
export function encryptableBytes(charsMax: number): number {
  return Math.floor(((charsMax - PREFIX_CHARS) * 3) / 4) - NONCE_BYTES - TAG_BYTES
}

/** By what a subject is found without its name: whoever has not the key can't tell whose it is. */
export function pseudonymOf(
  subject: string,
  { period, key }: { period: string; key: Uint8Array },
): string {
  const digest = createHmac('sha256', key).update(subject).digest('base64url')
  return `psn:${period}:${digest}`
}

function aadOf({ decision, field }: PersonalPlace): Buffer {
  return Buffer.from(`verdict personal text v1\n${decision}\n${field}\n`)
}
