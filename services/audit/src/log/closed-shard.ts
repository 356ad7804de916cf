import {
  equalBytes,
  formatVerifierKey,
  type NoteVerifier,
  openCheckpoint,
  type TiledTree,
} from '@verdict/tlog'
import { AuditError, AuditErrorCode } from '../errors.ts'
import type { BundleCache } from './bundle-cache.ts'
import type { LockRecord } from './lock-record.ts'
import { LogFolder } from './log-folder.ts'
import type { LogFs } from './log-fs.ts'
import { LogReader } from './log-reader.ts'
import { lockLost, type SignedHead } from './recovery.ts'

const ENTRIES = 'log/tile/entries'
/** What the entries are called while they are removed: a crash leaves all of them or none. */
const ENTRIES_GOING = 'log/tile/entries.pruned'

export interface ClosedShardOptions {
  readonly name: string
  readonly fs: LogFs
  readonly lock: LockRecord
  readonly verifier: NoteVerifier
  readonly bundles: BundleCache
}

/** A shard to which nothing is added any more: its last checkpoint is what the lock record has. */
export class ClosedShard {
  readonly name: string
  readonly reader: LogReader
  readonly verifierKey: string
  readonly #fs: LogFs
  readonly #folder: LogFolder
  readonly #lock: LockRecord
  #pruned: boolean

  /** @throws {AuditError} `lock_record_older`, `log_older`, `log_damaged` */
  constructor({ name, fs, lock, verifier, bundles }: ClosedShardOptions) {
    this.name = name
    this.#fs = fs
    this.verifierKey = formatVerifierKey(verifier)
    const folder = new LogFolder(fs)
    const note = folder.checkpoint()
    const locked = lock.read()
    if (locked === undefined || note === undefined) throw mismatch(name)
    const { checkpoint } = openCheckpoint(note, [verifier])
    const signed = openCheckpoint(locked, [verifier]).checkpoint
    if (checkpoint.size !== signed.size || !equalBytes(checkpoint.root, signed.root)) {
      throw mismatch(name)
    }
    this.#folder = folder
    this.#lock = lock
    this.reader = new LogReader(folder, { ...checkpoint, note }, bundles)
    fs.remove(ENTRIES_GOING)
    this.#pruned = fs.list(ENTRIES).length === 0
  }

  /** Its last checkpoint. */
  get published(): SignedHead {
    return this.reader.head
  }

  async verified(): Promise<TiledTree> {
    return await this.reader.verified()
  }

  /** @throws {AuditError} `lock_lost` */
  verifyHeld(): void {
    if (!this.#lock.isHeld()) throw lockLost()
  }

  /** The checkpoint with cosignatures that was kept last. */
  witnessed(): string | undefined {
    return this.#folder.witnessed()
  }

  /** Keeps a checkpoint with its cosignatures. @throws {AuditError} `lock_lost` */
  keepWitnessed(note: string): void {
    this.verifyHeld()
    this.#folder.keepWitnessed(note)
  }

  get size(): number {
    return this.reader.head.size
  }

  /** Undefined where it was pruned. */
  firstLeaf(): Uint8Array | undefined {
    return this.#pruned ? undefined : this.reader.leaf(0)
  }

  /** Whether its entries are gone; its hashes are there for ever. */
  get isPruned(): boolean {
    return this.#pruned
  }

  /** Removes the entries, for good. */
  prune(): void {
    this.#pruned = true
    if (this.#fs.list(ENTRIES).length === 0) return
    this.#fs.rename(ENTRIES, ENTRIES_GOING)
    this.#fs.syncDir('log/tile')
    this.#fs.remove(ENTRIES_GOING)
    this.#fs.syncDir('log/tile')
  }
}

function mismatch(name: string): AuditError {
  return new AuditError(
    AuditErrorCode.logDamaged,
    `the checkpoint of shard \`${name}\` is not the one that closed it: restore the data ` +
      'directory from its newest copy',
  )
}
