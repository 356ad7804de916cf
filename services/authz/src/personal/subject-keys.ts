import { randomBytes } from 'node:crypto'
import {
  type PersonalKeys,
  pseudonymOf,
  type SealedSubjectKey,
  SUBJECT_KEY_BYTES,
  sealSubjectKey,
} from '@verdict/contract'
import { dayOf } from './sealed-keys.ts'

/** Subjects whose keys a process remembers; the one that came first makes room, and gets another. */
export const SUBJECTS_MAX = 65_536

const NONCE_BYTES = 12
const COUNTER_BYTES = 6

/** The key of one subject, for one day, of this process alone. */
export class SubjectKey {
  readonly id: string
  readonly key: Uint8Array
  readonly pseudonym: string
  #uses = 0

  constructor(key: Uint8Array, { id, pseudonym }: SealedSubjectKey) {
    this.id = id
    this.key = key
    this.pseudonym = pseudonym
  }

  /** Never the same again: the key is in no other process, and not in this one after a restart. */
  get nonce(): Uint8Array {
    const nonce = Buffer.alloc(NONCE_BYTES)
    this.#uses += 1
    nonce.writeUIntBE(this.#uses, NONCE_BYTES - COUNTER_BYTES, COUNTER_BYTES)
    return nonce
  }
}

export interface SubjectKeysOptions {
  /** What is in force now. */
  readonly keys: () => PersonalKeys
  /** Resolves when a sealed key is durable. */
  readonly keep: (key: SealedSubjectKey) => Promise<void>
  /** In ms; default `Date.now`. */
  readonly now?: () => number
}

/** Makes a key for each subject and day, at random: it can't be made again. */
export class SubjectKeys {
  readonly #options: SubjectKeysOptions
  readonly #known = new Map<string, SubjectKey | Promise<SubjectKey>>()
  #day = ''

  constructor(options: SubjectKeysOptions) {
    this.#options = options
  }

  /** The key, at once where it is durable already. @throws {PersonalError} as a rejection */
  of(subject: string): SubjectKey | Promise<SubjectKey> {
    const now = (this.#options.now ?? Date.now)()
    const day = dayOf(now)
    if (day !== this.#day) this.#known.clear()
    this.#day = day
    return this.#known.get(subject) ?? this.#make(subject, now)
  }

  #make(subject: string, at: number): Promise<SubjectKey> {
    const { pseudonym: pseudonymKey, sealingKey } = this.#options.keys()
    const pseudonym = pseudonymOf(subject, pseudonymKey)
    const key = randomBytes(SUBJECT_KEY_BYTES)
    const sealed = sealSubjectKey(key, { at, pseudonym, to: sealingKey })
    const [oldest] = this.#known.keys()
    if (this.#known.size >= SUBJECTS_MAX && oldest !== undefined) this.#known.delete(oldest)
    const made = this.#options.keep(sealed).then(
      () => {
        const subjectKey = new SubjectKey(key, sealed)
        if (this.#known.get(subject) === made) this.#known.set(subject, subjectKey)
        return subjectKey
      },
      (error: unknown) => {
        if (this.#known.get(subject) === made) this.#known.delete(subject)
        throw error
      },
    )
    this.#known.set(subject, made)
    return made
  }
}
