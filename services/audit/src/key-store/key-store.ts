import { hash } from 'node:crypto'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import {
  isSealedSubjectKey,
  openSubjectKey,
  pseudonymOf,
  type SealedSubjectKey,
} from '@verdict/contract'
import { inTransaction, storeError } from '../database.ts'
import { diskFs } from '../log/log-fs.ts'
import { KeyFolder } from './key-folder.ts'
import { SubjectKeyTable } from './subject-key-table.ts'

const DATABASE = 'subjects.db'
/** How long another process may hold it; then the work has failed, and is tried again. */
const BUSY_MS_MAX = 5_000

/** What an erasure has destroyed, as it goes into the log. */
export interface ErasureBody {
  /** RFC 3339: keys that were made until then are destroyed, also those that arrive later. */
  readonly at: string
  /** The decision that let the caller do it; absent where nobody was asked. */
  readonly decision?: string
  /** `sha256` of the ids of the keys, sorted, one a line. */
  readonly keys: { readonly count: number; readonly sha256: string }
  /** Of the subject, one for each period. */
  readonly pseudonyms: readonly string[]
  readonly reason: string
}

/** An erasure that has to go into the log. */
export interface PendingErasure {
  readonly id: number
  readonly body: ErasureBody
}

/** What came of the keys of one message. */
export interface TakenKeys {
  readonly taken: number
  /** Of subjects that were erased since: destroyed. */
  readonly erased: number
  /** Nothing here opens them yet. */
  readonly unopened: number
  /** They are not what they claim to be. */
  readonly refused: number
}

/**
 * The keys of subjects, apart from the log: whoever has the log, its index and their backups has
 * nothing of a subject whose keys are destroyed here. What is deleted is overwritten.
 */
export class KeyStore implements Disposable {
  readonly #db: DatabaseSync
  readonly #table: SubjectKeyTable
  readonly #folder: KeyFolder

  /** @throws {AuditError} `store_failed` @throws {ContractError} `malformed_personal_keys` */
  constructor(dir: string) {
    this.#folder = new KeyFolder(dir)
    this.#db = openShared(path.join(dir, DATABASE))
    this.#table = new SubjectKeyTable(this.#db)
    diskFs(dir).syncDir('.')
    this.openAgain()
  }

  /** Takes in what a control line carries; all of it is durable when this returns. */
  take(given: readonly unknown[]): TakenKeys {
    const keys = given.filter(isSealedSubjectKey)
    if (keys.some(({ sealing }) => this.#folder.sealing(sealing) === undefined)) this.#folder.read()
    const taken = { taken: 0, erased: 0, unopened: 0, refused: given.length - keys.length }
    inTransaction(this.#db, () => {
      for (const key of keys) taken[this.#take(key)] += 1
    })
    return taken
  }

  /** The key that texts are encrypted under; undefined where it never came, or is destroyed. */
  key(id: string): Uint8Array | undefined {
    return this.#table.key(id)
  }

  /** How many keys nothing here opens. */
  get unopened(): number {
    return this.#table.unopenedCount
  }

  /** By what a subject may be found, one for each period whose key is there. */
  pseudonymsOf(subject: string): string[] {
    return this.#folder.pseudonyms.map((key) => pseudonymOf(subject, key))
  }

  /**
   * Destroys the keys of a subject. When it returns they are gone from the disk, and the erasure
   * waits for its place in the log: it is `pending` until `logged`.
   */
  erase(
    subject: string,
    given: { readonly atMs: number; readonly reason: string; readonly decision?: string },
  ): PendingErasure {
    const { atMs, ...rest } = given
    this.#folder.read()
    const pseudonyms = this.pseudonymsOf(subject).toSorted()
    const pending = inTransaction(this.#db, () => {
      const ids = pseudonyms.flatMap((pseudonym) => this.#table.erase(pseudonym, atMs)).toSorted()
      const sha256 = hash('sha256', ids.map((id) => `${id}\n`).join(''), 'hex')
      const keys = { count: ids.length, sha256 }
      const body: ErasureBody = { at: new Date(atMs).toISOString(), keys, pseudonyms, ...rest }
      return { id: this.#table.addPending(JSON.stringify(body)), body }
    })
    this.#overwrite()
    return pending
  }

  /** Destroys what an erasure of the log has destroyed before: an older copy may have it again. */
  eraseAgain({ at, pseudonyms }: Pick<ErasureBody, 'at' | 'pseudonyms'>): number {
    const ids = inTransaction(this.#db, () =>
      pseudonyms.flatMap((pseudonym) => this.#table.erase(pseudonym, Date.parse(at))),
    )
    if (ids.length > 0) this.#overwrite()
    return ids.length
  }

  /** Erasures that a crash has kept from the log. */
  pending(): PendingErasure[] {
    return this.#table.pending().map(({ id, body }) => ({ id, body: JSON.parse(body) }))
  }

  /** The erasure is in the log. */
  logged({ id }: PendingErasure): void {
    inTransaction(this.#db, () => this.#table.removePending(id))
  }

  /** Opens what could not be opened before: its private key may be there now. */
  openAgain(): void {
    if (this.unopened === 0) return
    this.#folder.read()
    inTransaction(this.#db, () => {
      for (const key of this.#table.unopened()) this.#take(key)
    })
  }

  /** Destroys the private keys whose time is over; tells how many. */
  destroyRetired(nowMs: number): number {
    return this.#folder.destroyRetired(nowMs)
  }

  [Symbol.dispose](): void {
    this.#db.close()
  }

  #take(key: SealedSubjectKey): keyof TakenKeys {
    if (this.#table.isErased(key)) return 'erased'
    const pair = this.#folder.sealing(key.sealing)
    if (pair === undefined) {
      this.#table.putUnopened(key)
      return 'unopened'
    }
    const opened = openSubjectKey(key, pair)
    if (opened === undefined) return 'refused'
    this.#table.put(key, opened)
    return 'taken'
  }

  /** No page that is free, and no part of the write-ahead log, holds what was deleted. */
  #overwrite(): void {
    this.#db.exec('VACUUM')
    this.#db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  }
}

/** Not alone: a service that hangs must not keep the one that takes over from the keys. */
function openShared(file: string): DatabaseSync {
  try {
    const db = new DatabaseSync(file, { timeout: BUSY_MS_MAX })
    db.exec('PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA secure_delete=ON')
    return db
  } catch (cause) {
    throw storeError(`can't open \`${file}\``, cause)
  }
}
