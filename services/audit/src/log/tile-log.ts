import { messageOf } from '@verdict/contract'
import {
  type Bundle,
  ENTRY_BYTES_MAX,
  EXTRA_BYTES_MAX,
  formatTlogProof,
  formatVerifierKey,
  type GrowingTree,
  type NoteSigner,
  TILE_WIDTH,
  TiledTree,
} from '@verdict/tlog'
import { AuditError, AuditErrorCode } from '../errors.ts'
import { BundleCache } from './bundle-cache.ts'
import type { LockRecord } from './lock-record.ts'
import { LogFolder } from './log-folder.ts'
import type { LogFs } from './log-fs.ts'
import { lockLost, recover, type SignedHead, signHead } from './recovery.ts'
import { StagedEntries } from './staged-entries.ts'
import { readStoredBundle } from './stored-bundle.ts'
import { readTileFile } from './tile-file.ts'

/** Leaves that wait for a checkpoint, in bytes: beyond that one is made at once. */
const UNPUBLISHED_BYTES_MAX = 16 * 1024 * 1024

export interface TileLogOptions {
  readonly fs: LogFs
  readonly lock: LockRecord
  readonly signer: NoteSigner
  /** Default: UNPUBLISHED_BYTES_MAX. */
  readonly unpublishedBytesMax?: number
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
  readonly #unpublishedBytesMax: number
  readonly #bundles = new BundleCache()
  #published: SignedHead
  #staged: StagedEntries | undefined
  /** Durable, and not in the published tree. */
  #unpublished: Uint8Array[]
  #unpublishedBytes = 0
  /** Appended, and not durable. */
  #pending: Uint8Array[] = []
  #failure: AuditError | undefined
  #verified: Promise<TiledTree> | undefined

  private constructor(
    { fs, lock, signer, unpublishedBytesMax = UNPUBLISHED_BYTES_MAX }: TileLogOptions,
    folder: LogFolder,
    recovered: Awaited<ReturnType<typeof recover>>,
  ) {
    this.#fs = fs
    this.#folder = folder
    this.#lock = lock
    this.#signer = signer
    this.#unpublishedBytesMax = unpublishedBytesMax
    this.#tree = recovered.tree
    this.#published = recovered.published
    this.#staged = recovered.staged
    this.#unpublished = recovered.entries
  }

  /** @throws {AuditError} as `recover` */
  static async open(options: TileLogOptions): Promise<TileLog> {
    const folder = new LogFolder(options.fs)
    return new TileLog(options, folder, await recover({ ...options, folder }))
  }

  /** How many leaves are durable. */
  get size(): number {
    return this.#published.size + this.#unpublished.length
  }

  /** What readers see. */
  get published(): SignedHead {
    return this.#published
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

  /** A leaf, of those that wait, too; undefined beyond the end. */
  leaf(index: number): Uint8Array | undefined {
    const { size } = this.#published
    if (index >= size) {
      const behind = index - size
      return this.#unpublished[behind] ?? this.#pending[behind - this.#unpublished.length]
    }
    const place = Math.floor(index / TILE_WIDTH)
    const width = Math.min(TILE_WIDTH, size - place * TILE_WIDTH)
    return this.#bundle({ index: place, width })[index % TILE_WIDTH]
  }

  /** The file under a path of tlog-tiles, where the published checkpoint covers it. */
  file(path: string): Uint8Array | undefined {
    return readTileFile(this.#folder, path, this.#published.size)
  }

  /** Leaves from an index on, bundle by bundle, each verified against the published root. */
  async *leaves(from: number): AsyncGenerator<{ index: number; leaf: Uint8Array }[]> {
    const { size } = this.#published
    const tree = await this.verified()
    for (let at = from; at < size; ) {
      const index = Math.floor(at / TILE_WIDTH)
      const bundle = { index, width: Math.min(TILE_WIDTH, size - index * TILE_WIDTH) }
      const entries = await tree.entriesOf(bundle, this.#folder.read(bundle))
      const first = index * TILE_WIDTH
      yield entries.map((leaf, i) => ({ index: first + i, leaf })).slice(at - first)
      at = first + entries.length
    }
    const behind = Math.max(from, size)
    const waiting = this.#unpublished.slice(behind - size)
    if (waiting.length > 0) yield waiting.map((leaf, i) => ({ index: behind + i, leaf }))
  }

  /** The published tree, whose tiles are verified before they are used. */
  async verified(): Promise<TiledTree> {
    this.#verified ??= TiledTree.open(this.#published, (tile) => this.#folder.read(tile))
    return await this.#verified
  }

  /**
   * A receipt of a leaf that the published checkpoint covers (`tlog-proof@v1`), with the leaf
   * beside the proof where there is room for it.
   */
  async receipt(index: number): Promise<string> {
    const { note } = this.#published
    const tree = await this.verified()
    const hashes = await tree.inclusionProof(index)
    const leaf = this.leaf(index)
    const extra = leaf && leaf.length <= EXTRA_BYTES_MAX ? { extra: leaf } : {}
    return formatTlogProof({ index, hashes, checkpoint: note, ...extra })
  }

  [Symbol.dispose](): void {
    this.#staged?.[Symbol.dispose]()
    this.#staged = undefined
  }

  #stage(leaves: readonly Uint8Array[]): void {
    try {
      this.#staged ??= StagedEntries.create(this.#fs, this.#published)
      this.#staged.append(leaves)
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
    const before = this.#published
    const growth = this.#tree.take()
    const head = signHead(growth.head, this.#signer)
    if (!this.#lock.replace(before.note, head.note)) throw lockLost()
    this.#folder.apply(growth)
    this.#folder.publish(head.note)
    this.#published = head
    this.#verified = undefined
    this.#unpublished = []
    this.#unpublishedBytes = 0
    this.#staged?.[Symbol.dispose]()
    this.#staged = undefined
    StagedEntries.remove(this.#fs, before.size)
  }

  #bundle(bundle: Bundle): readonly Uint8Array[] {
    return this.#bundles.get(bundle, () => readStoredBundle(this.#folder, bundle))
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

function isDiskFull(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return code === 'ENOSPC' || code === 'EDQUOT'
}
