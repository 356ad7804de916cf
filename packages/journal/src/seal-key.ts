import { createPrivateKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import {
  encodeJournalKey,
  encodeSeal,
  isEndorsed,
  type JournalKey,
  journalKeyText,
  parseControlLine,
  sealKeyId,
  sealText,
  type UnsignedKey,
} from '@verdict/contract'
import { writeDurably } from './durable-files.ts'
import { corrupt } from './errors.ts'
import type { JournalIdentity } from './journal-identity.ts'
import type { ShippedPosition } from './shipped-mark.ts'

/** In the journal's directory. */
export const KEY_FILE = 'seal-key.json'

/** What the file holds: the line that makes the key known, and the key as a JWK. */
interface KeyFile {
  readonly line: string
  readonly jwk: { readonly kty: 'OKP'; readonly crv: 'Ed25519'; readonly x: string; d: string }
}

/**
 * The Ed25519 key by which an instance seals what it ships. It lives in the journal's directory,
 * for its user alone, and is written whole or not at all. The one before it endorses it and is
 * gone then: whoever takes the directory can seal nothing under an older key.
 */
export class SealKey {
  /** Makes the key known to who verifies; see contract/journal-control.ts. */
  readonly line: string
  readonly #dir: string
  readonly #known: JournalKey
  readonly #keyId: string
  readonly #private: KeyObject

  private constructor(dir: string, { line, jwk }: KeyFile, known: JournalKey) {
    this.line = line
    this.#dir = dir
    this.#known = known
    this.#keyId = sealKeyId(known.key)
    this.#private = createPrivateKey({ key: { ...jwk }, format: 'jwk' })
  }

  /** The key of a directory; where there is none, it is made. @throws {JournalError} `corrupt` */
  static async open(dir: string, identity: JournalIdentity, from: number): Promise<SealKey> {
    const text = await readOrNone(path.join(dir, KEY_FILE))
    return text === undefined ? await SealKey.#make(dir, { ...identity, from }) : read(dir)

    function read(folder: string): SealKey {
      try {
        return SealKey.#parse(folder, identity, text ?? '')
      } catch (cause) {
        throw corrupt(folder, `\`${KEY_FILE}\` holds no key of this journal`, cause)
      }
    }
  }

  /** The key in base64url, as those who pin it write it down. */
  get publicKey(): string {
    return this.#known.key
  }

  /** The first record that only this key seals. */
  get from(): number {
    return this.#known.from
  }

  /** When it was made, in ms. */
  get madeAtMs(): number {
    return Date.parse(this.#known.time)
  }

  /** The line that seals a message whose last record this is. */
  seal({ n, hash }: ShippedPosition): string {
    const { epoch, instance } = this.#known
    const unsigned = { epoch, hash, instance, key: this.#keyId, n }
    return encodeSeal(unsigned, signed(this.#private, sealText(unsigned)))
  }

  /** The next key, which this one endorses; it is durable, and this one gone, when it resolves. */
  async succeed(from: number): Promise<SealKey> {
    const { epoch, instance, key } = this.#known
    return await SealKey.#make(this.#dir, { epoch, instance, from, previous: key }, this.#private)
  }

  static async #make(
    dir: string,
    about: Omit<UnsignedKey, 'key' | 'time'>,
    endorser?: KeyObject,
  ): Promise<SealKey> {
    const pair = generateKeyPairSync('ed25519')
    const jwk = pair.privateKey.export({ format: 'jwk' }) as KeyFile['jwk']
    const unsigned = { ...about, key: jwk.x, time: new Date().toISOString() }
    const signature = signed(endorser ?? pair.privateKey, journalKeyText(unsigned))
    const file: KeyFile = { line: encodeJournalKey(unsigned, signature), jwk }
    await writeDurably(path.join(dir, KEY_FILE), `${JSON.stringify(file)}\n`)
    return new SealKey(dir, file, { ...unsigned, algorithm: 'Ed25519', signature })
  }

  static #parse(dir: string, identity: JournalIdentity, text: string): SealKey {
    const file = JSON.parse(text) as KeyFile
    const control = parseControlLine(file.line)
    if (control.kind !== 'journalKey') throw new Error('its line makes no key known')
    const { journalKey } = control
    const isOwn = journalKey.instance === identity.instance && journalKey.epoch === identity.epoch
    if (!isOwn) throw new Error(`its key is one of \`${journalKey.instance}\``)
    if (file.jwk.x !== journalKey.key || !isEndorsed(journalKey)) {
      throw new Error('the key and its line do not belong together')
    }
    return new SealKey(dir, file, journalKey)
  }
}

function signed(key: KeyObject, text: string): string {
  return sign(null, Buffer.from(text), key).toString('base64url')
}

async function readOrNone(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}
