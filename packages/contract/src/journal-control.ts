import { createPublicKey, hash, type KeyObject, verify } from 'node:crypto'

/**
 * Lines of a journal message that are no records, and not in the chain: the shipper makes them.
 * They begin with `{`, which no chain hash does, and are canonical JSON (RFC 8785).
 */
export type ControlLine =
  | { readonly kind: 'journalKey'; readonly json: string; readonly journalKey: JournalKey }
  | { readonly kind: 'seal'; readonly json: string; readonly seal: Seal }
  | { readonly kind: 'subjectKeys'; readonly json: string; readonly subjectKeys: unknown[] }
  /** Of a later version, or malformed: it proves nothing. */
  | { readonly kind: 'unknown'; readonly json: string }

/** A key that seals the messages of a journal. */
export interface JournalKey {
  readonly algorithm: 'Ed25519'
  readonly epoch: number
  /** From this record on the key before it seals nothing; it may seal older ones, sent again. */
  readonly from: number
  readonly instance: string
  /** base64url of its 32 bytes. */
  readonly key: string
  /** The key before it, which endorses this one. */
  readonly previous?: string
  /** By `previous`, or by itself where there is none. */
  readonly signature: string
  /** When it was made, RFC 3339. */
  readonly time: string
}

/** What the instance signs of a message: its last record, and through the chain all before it. */
export interface Seal {
  readonly epoch: number
  readonly hash: string
  readonly instance: string
  /** `sealKeyId` of the key. */
  readonly key: string
  readonly n: number
  readonly signature: string
}

export type UnsignedKey = Omit<JournalKey, 'algorithm' | 'signature'>
export type UnsignedSeal = Omit<Seal, 'signature'>

/** What it says, and its version. */
const CONTROL_FIELDS = 2
const KEY_BYTES = 32
const KEY_ID_BYTES = 8
/** What stands before a raw Ed25519 key in its SubjectPublicKeyInfo (RFC 8410). */
const ED25519_SPKI = Buffer.from('302a300506032b6570032100', 'hex')

/** What the signature of a key is over. */
export function journalKeyText(unsigned: UnsignedKey): string {
  const { instance, epoch, from, key, previous = '' } = unsigned
  return `verdict journal key\n${instance}\n${epoch}\n${from}\n${key}\n${previous}\n`
}

/** What the signature of a seal is over. */
export function sealText({ instance, epoch, n, hash: chained }: UnsignedSeal): string {
  return `verdict journal seal\n${instance}\n${epoch}\n${n}\n${chained}\n`
}

/** The short name of a key: the first 8 bytes of its SHA-256, in base64url. */
export function sealKeyId(key: string): string {
  const digest = hash('sha256', Buffer.from(key, 'base64url'), 'buffer')
  return digest.toString('base64url', 0, KEY_ID_BYTES)
}

export function encodeJournalKey(unsigned: UnsignedKey, signature: string): string {
  const { epoch, from, instance, key, previous, time } = unsigned
  const algorithm = 'Ed25519'
  const journalKey = { algorithm, epoch, from, instance, key, previous, signature, time }
  return JSON.stringify({ journalKey, v: 1 })
}

export function encodeSeal(unsigned: UnsignedSeal, signature: string): string {
  const { epoch, hash: chained, instance, key, n } = unsigned
  return JSON.stringify({ seal: { epoch, hash: chained, instance, key, n, signature }, v: 1 })
}

/** Whether a seal is by this key, in base64url. */
export function isSealedBy(seal: Seal, key: string): boolean {
  return seal.key === sealKeyId(key) && isSigned(sealText(seal), seal.signature, key)
}

/** Whether the signature of a key is by the one before it, or by itself where there is none. */
export function isEndorsed(journalKey: JournalKey): boolean {
  const { key, previous = key, signature } = journalKey
  return isSigned(journalKeyText(journalKey), signature, previous)
}

/** Reads a line that begins with `{`. @throws {SyntaxError} where it is no control line */
export function parseControlLine(json: string): ControlLine {
  const body = JSON.parse(json) as Partial<{
    journalKey: JournalKey
    seal: Seal
    subjectKeys: unknown
    v: number
  }>
  if (body.v !== 1 || Object.keys(body).length !== CONTROL_FIELDS) {
    throw new SyntaxError('a control line has one field beside its version')
  }
  const { journalKey, seal, subjectKeys } = body
  if (isJournalKey(journalKey)) return { kind: 'journalKey', json, journalKey }
  if (isSeal(seal)) return { kind: 'seal', json, seal }
  if (Array.isArray(subjectKeys)) return { kind: 'subjectKeys', json, subjectKeys }
  return { kind: 'unknown', json }
}

function isJournalKey(given: Partial<JournalKey> | undefined): given is JournalKey {
  return (
    given?.algorithm === 'Ed25519' &&
    isPlaced(given, given.from) &&
    isKey(given.key) &&
    (given.previous === undefined || isKey(given.previous)) &&
    typeof given.signature === 'string' &&
    typeof given.time === 'string'
  )
}

function isSeal(given: Partial<Seal> | undefined): given is Seal {
  return (
    isPlaced(given, given?.n) &&
    typeof given?.hash === 'string' &&
    typeof given.key === 'string' &&
    typeof given.signature === 'string'
  )
}

function isPlaced(given: { instance?: unknown; epoch?: unknown } | undefined, n: unknown): boolean {
  return (
    typeof given?.instance === 'string' &&
    Number.isSafeInteger(given.epoch) &&
    Number.isSafeInteger(n)
  )
}

/** In its one form: another text of the same bytes would pass for another key. */
function isKey(key: unknown): key is string {
  if (typeof key !== 'string') return false
  const raw = Buffer.from(key, 'base64url')
  return raw.length === KEY_BYTES && raw.toString('base64url') === key
}

/** Keys as Node has them; a verifier meets few, again and again. Beyond this all are forgotten. */
const KEY_OBJECTS_MAX = 1024
const keyObjects = new Map<string, KeyObject>()

function isSigned(text: string, signature: string, key: string): boolean {
  let object = keyObjects.get(key)
  if (object === undefined) {
    const der = Buffer.concat([ED25519_SPKI, Buffer.from(key, 'base64url')])
    object = createPublicKey({ key: der, format: 'der', type: 'spki' })
    if (keyObjects.size >= KEY_OBJECTS_MAX) keyObjects.clear()
    keyObjects.set(key, object)
  }
  return verify(null, Buffer.from(text), object, Buffer.from(signature, 'base64url'))
}
