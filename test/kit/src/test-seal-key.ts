import { createPrivateKey, hash, type KeyObject, sign } from 'node:crypto'
import {
  encodeJournalKey,
  encodeSeal,
  type JournalLine,
  journalKeyText,
  sealKeyId,
  sealText,
  type UnsignedKey,
} from '@verdict/contract'

/** What stands before the seed of an Ed25519 key in PKCS #8 (RFC 8410). */
const ED25519_PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex')
const MADE_AT = '2026-03-01T00:00:00.000Z'

/** Of which journal. */
interface Journal {
  readonly instance: string
  readonly epoch: number
}

/** A key that seals messages as a decision point does, or as one does that lies. */
export class TestSealKey {
  /** base64url. */
  readonly key: string
  readonly #private: KeyObject

  /** The same for the same name. */
  constructor(name: string) {
    const seed = hash('sha256', `test seal key ${name}`, 'buffer')
    const der = Buffer.concat([ED25519_PKCS8, seed])
    this.#private = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
    this.key = this.#private.export({ format: 'jwk' }).x ?? ''
  }

  /** The line that makes it known; endorsed by itself, or by the key before it. */
  line(
    { instance, epoch }: Journal,
    { from = 1, previous }: { from?: number; previous?: TestSealKey } = {},
  ): string {
    const unsigned: UnsignedKey = {
      ...{ instance, epoch, from, key: this.key, time: MADE_AT },
      ...(previous === undefined ? undefined : { previous: previous.key }),
    }
    return encodeJournalKey(unsigned, (previous ?? this).signed(journalKeyText(unsigned)))
  }

  /** The line that seals a record and all before it. */
  seal({ n, hash }: { n: number; hash: string }, { instance, epoch }: Journal): string {
    const unsigned = { epoch, hash, instance, key: sealKeyId(this.key), n }
    return encodeSeal(unsigned, this.signed(sealText(unsigned)))
  }

  /** A whole message: the key's line, or those given, the lines, the seal. */
  message(lines: readonly JournalLine[], journal: Journal, head = [this.line(journal)]) {
    const records = lines.map(({ hash, json }) => `${hash} ${json}`)
    const last = lines.toSorted((a, b) => a.record.n - b.record.n).at(-1)
    const { n } = last?.record ?? { n: 0 }
    const seals = last === undefined ? [] : [this.seal({ n, hash: last.hash }, journal)]
    return Buffer.from([...head, ...records, ...seals].map((line) => `${line}\n`).join(''))
  }

  signed(text: string): string {
    return sign(null, Buffer.from(text), this.#private).toString('base64url')
  }
}
