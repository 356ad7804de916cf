import { messageOf } from '@verdict/contract'
import {
  ENTRY_BYTES_MAX,
  formatVerifierKey,
  type GrowingTree,
  type NoteSigner,
  type TiledTree,
} from '@verdict/tlog'
import { AuditError, AuditErrorCode } from '../errors.ts'
import { BundleCache } from './bundle-cache.ts'
import { isDiskFull } from './disk-full.ts'
import { EarlyFiles } from './early-files.ts'
import type { LockRecord } from './lock-record.ts'
import { LogFolder } from './log-folder.ts'
import type { LogFs } from './log-fs.ts'
import { type LeafRun, LogReader } from './log-reader.ts'
import {
  beginEmpty,
  lockLost,
  type Recovered,
  recover,
  type SignedHead,
  signHead,
} from './recovery.ts'
import { StagedEntries } from './staged-entries.ts'

/** Leaves that wait for a checkpoint, in bytes: beyond that one is made at once. */
const UNPUBLISHED_BYTES_MAX = 16 * 1024 * 1024

export interface TileLogOptions {
  readonly fs: LogFs
  readonly lock: LockRecord
  readonly signer: NoteSigner
  /** Default: UNPUBLISHED_BYTES_MAX. */
  readonly unpublishedBytesMax?: number
  /** Entries that were read lately; by default it has its own. */
  readonly bundles?: BundleCache
}

/**
 * The log: an append-only list of leaves in files that other people's programs read and verify.
 * Leaves are durable after `commit`, in a checkpoint after `publish`. Whatever fails in a way that
 * leaves open what is on disk ends the writing: the next start finds out.
 */
export class TileLog implements Disposable {
  readonly #fs: LogFs
  readonly #folder: LogFolder
  readonly #lock: LockRecord
  readonly #signer: NoteSigner
  readonly #tree: GrowingTree
  readonly #early: EarlyFiles
  readonly #unpublishedBytesMax: number
  /** Of what is published. */
  readonly #reader: LogReader
  #staged: StagedEntries | undefined
  /** Durable, and not in the published tree. */
  #unpublished: Uint8Array[]
  #unpublishedBytes = 0
  /** Appended, and not durable. */
  #pending: Uint8Array[] = []
  #failure: AuditError | undefined

  private constructor(options: TileLogOptions, folder: LogFolder, recovered: Recovered) {
    const { fs, lock, signer, unpublishedBytesMax = UNPUBLISHED_BYTES_MAX } = options
    this.#fs = fs
    this.#folder = folder
    this.#lock = lock
    this.#signer = signer
    this.#unpublishedBytesMax = unpublishedBytesMax
    this.#tree = recovered.tree
    this.#early = new EarlyFiles(folder, (error) => this.#fail(error))
    this.#reader = new LogReader(folder, recovered.published, options.bundles ?? new BundleCache())
    this.#staged = recovered.staged
    this.#unpublished = recovered.entries
  }

  /** @throws {AuditError} as `recover` */
  static async open(options: TileLogOptions): Promise<TileLog> {
    const folder = new LogFolder(options.fs)
    return new TileLog(options, folder, await recover({ ...options, folder }))
  }

  /**
   * Begins a log where there is nothing, or what a crash has left of such a beginning.
   * @throws {AuditError} as `recover`
   */
  static begin(options: TileLogOptions): TileLog {
    const folder = new LogFolder(options.fs)
    return new TileLog(options, folder, beginEmpty({ ...options, folder }))
  }

  /** How many leaves are durable. */
  get size(): number {
    return this.published.size + this.#unpublished.length
  }

  /** What readers see. */
  get published(): SignedHead {
    return this.#reader.head
  }

  get verifierKey(): string {
    return formatVerifierKey(this.#signer.verifier)
  }

  /** Whether something has failed after which nothing can be written. */
  get failed(): boolean {
    return this.#failure !== undefined
  }

  /**
   * Appends a leaf to those that the next commit makes durable; tells its index.
   * @throws {AuditError} `store_failed` for a leaf that no log can hold
   */
  append(leaf: Uint8Array): number {
    if (leaf.length > ENTRY_BYTES_MAX) {
      const message = `a leaf has ${leaf.length} bytes, and ${ENTRY_BYTES_MAX} are the most`
      throw new AuditError(AuditErrorCode.storeFailed, message)
    }
    return this.size + this.#pending.push(leaf) - 1
  }

  /**
   * Makes what was appended durable, all of it or nothing.
   * @throws {AuditError} `store_failed` where nothing is staged and the next one may succeed;
   *   `log_failed` where the process has to end
   */
  commit(): void {
    if (this.#pending.length === 0) return
    this.#refuseAfterFailure()
    this.#stage(this.#pending)
    try {
      for (const leaf of this.#pending) this.#tree.append(leaf)
    } catch (error) {
      // The tree and what is staged are not the same any more.
      throw this.#fail(error)
    }
    for (const leaf of this.#pending) {
      this.#unpublished.push(leaf)
      this.#unpublishedBytes += leaf.length
    }
    this.#pending = []
    this.#early.add(this.#tree.takeFull())
    if (this.#unpublishedBytes > this.#unpublishedBytesMax) this.publish()
  }

  /** Forgets what was appended and is not durable. */
  rollBack(): void {
    this.#pending = []
  }

  /**
   * Makes a checkpoint of all that is durable and shows it; false where there is nothing new.
   * @throws {AuditError} `lock_lost`, `log_failed`: the process has to end
   */
  publish(): boolean {
    this.#refuseAfterFailure()
    if (this.#unpublished.length === 0) return false
    try {
      this.#publishGrowth()
      return true
    } catch (error) {
      throw this.#fail(error)
    }
  }

  /**
   * Looks whether this is still the writer: one that was taken for dead is not.
   * @throws {AuditError} `lock_lost`: the process has to end
   */
  verifyHeld(): void {
    if (!this.#lock.isHeld()) throw this.#fail(lockLost())
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

  /** A leaf, of those that wait, too; undefined beyond the end. */
  leaf(index: number): Uint8Array | undefined {
    const { size } = this.published
    if (index < size) return this.#reader.leaf(index)
    const behind = index - size
    return this.#unpublished[behind] ?? this.#pending[behind - this.#unpublished.length]
  }

  /** The file under a path of tlog-tiles, where the published checkpoint covers it. */
  file(path: string): Uint8Array | undefined {
    return this.#reader.file(path)
  }

  /** Leaves from an index on, bundle by bundle, each verified against the published root. */
  async *leaves(from: number): AsyncGenerator<LeafRun> {
    const { size } = this.published
    yield* this.#reader.leaves(from)
    const behind = Math.max(from, size)
    const waiting = this.#unpublished.slice(behind - size)
    if (waiting.length > 0) yield waiting.map((leaf, i) => ({ index: behind + i, leaf }))
  }

  /** The published tree, whose tiles are verified before they are used. */
  async verified(): Promise<TiledTree> {
    return await this.#reader.verified()
  }

  /** A receipt of a leaf that the published checkpoint covers, or an earlier one that is given. */
  async receipt(index: number, under?: SignedHead): Promise<string> {
    return await this.#reader.receipt(index, under)
  }

  [Symbol.dispose](): void {
    this.#early.take()
    this.#staged?.[Symbol.dispose]()
    this.#staged = undefined
  }

  #stage(leaves: readonly Uint8Array[]): void {
    try {
      this.#staged ??= StagedEntries.create(this.#fs, this.published)
      this.#staged.append(leaves)
      // Whoever takes over after this finds what was staged; before, nobody ever reads it.
      if (!this.#lock.isHeld()) throw lockLost()
    } catch (error) {
      throw isDiskFull(error) ? this.#takeBack(error) : this.#fail(error)
    }
  }

  /** A full disk can have room again; an error of a sync says nothing about what is on disk. */
  #takeBack(cause: unknown): AuditError {
    try {
      this.#staged?.takeBack()
    } catch (error) {
      return this.#fail(error)
    }
    const message = 'the disk is full: make room, and what waits in the stream is stored'
    return new AuditError(AuditErrorCode.storeFailed, message, { cause })
  }

  #publishGrowth(): void {
    const before = this.published
    const growth = this.#tree.take()
    const head = signHead(growth.head, this.#signer)
    if (!this.#lock.replace(before.note, head.note)) throw lockLost()
    this.#folder.apply(growth, this.#early.take())
    this.verifyHeld()
    this.#folder.publish(head.note)
    this.#reader.advance(head)
    this.#unpublished = []
    this.#unpublishedBytes = 0
    this.#staged?.[Symbol.dispose]()
    this.#staged = undefined
    StagedEntries.remove(this.#fs, before.size)
  }

  #refuseAfterFailure(): void {
    if (this.#failure) throw this.#failure
  }

  #fail(error: unknown): AuditError {
    this.#failure ??=
      error instanceof AuditError
        ? error
        : new AuditError(
            AuditErrorCode.logFailed,
            `the log can't be written, and only a restart tells what is on disk: ${messageOf(error)}`,
            { cause: error },
          )
    return this.#failure
  }
}
