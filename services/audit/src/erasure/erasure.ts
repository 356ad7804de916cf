import type { ErasureBody, KeyStore, PendingErasure } from '../key-store/key-store.ts'
import type { NoteBody } from '../log/note.ts'

/** The log as erasures go into it. */
export interface ErasureLog {
  /** Writes a note into the log, durable when it returns; tells which leaf of all it is. */
  note(kind: 'erasure', body: NoteBody): number
  placeOf(leaf: number): { readonly origin: string; readonly index: number }
  notes(kind: 'erasure'): NoteBody[]
}

/** An erasure that is in the log. */
export interface Erasure extends ErasureBody {
  /** The shard that has its leaf, and the index there. */
  readonly origin: string
  readonly leaf: number
}

/** Erases subjects: first their keys, then what is to be said of it in the log. */
export class Erasures {
  readonly #keys: KeyStore
  readonly #log: ErasureLog

  /**
   * Says in the log what a crash has kept from it, and destroys again what the log says that was
   * destroyed: a key store that was restored has it no longer then.
   */
  constructor(keys: KeyStore, log: ErasureLog) {
    this.#keys = keys
    this.#log = log
    for (const pending of keys.pending()) this.#say(pending)
    for (const body of log.notes('erasure')) keys.eraseAgain(body as unknown as ErasureBody)
  }

  /** @throws {AuditError} where the keys are destroyed, and the next start says so in the log */
  erase(
    subject: string,
    given: { readonly atMs: number; readonly reason: string; readonly decision?: string },
  ): Erasure {
    return this.#say(this.#keys.erase(subject, given))
  }

  #say(pending: PendingErasure): Erasure {
    const { origin, index } = this.#log.placeOf(this.#log.note('erasure', { ...pending.body }))
    this.#keys.logged(pending)
    return { ...pending.body, origin, leaf: index }
  }
}
