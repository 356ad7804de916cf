import { type Checkpoint, formatVerifierKey, type NoteSigner } from '@verdict/tlog'
import { BundleCache } from './bundle-cache.ts'
import { ClosedShard } from './closed-shard.ts'
import { ClosedShards, shifted } from './closed-shards.ts'
import { readLeaf } from './leaf.ts'
import type { LockBook } from './lock-record.ts'
import { LOG_DIR } from './log-folder.ts'
import type { LogFs } from './log-fs.ts'
import { signerOf } from './log-key.ts'
import type { LeafRun } from './log-reader.ts'
import type { Note } from './note.ts'
import type { SignedHead } from './recovery.ts'
import { type LeafPlace, namesOf, type ShardFacts } from './shard-facts.ts'
import { makeShardDirs, shardFs } from './shard-fs.ts'
import { FIRST_SHARD, shardOrigin } from './shard-name.ts'
import { refuseUnknown, verifyFollows } from './shard-row.ts'
import { TileLog } from './tile-log.ts'

export interface ShardsOptions {
  readonly fs: LogFs
  readonly locks: LockBook
  /** Under the origin of the log. */
  readonly key: NoteSigner
  /** The name of the first shard of a log that begins. */
  readonly firstName: string
}

/**
 * The log as one list of leaves, in a row of shards of which the last one is open. Leaves are
 * counted over all of them; each shard is a log of its own for whoever verifies it.
 */
export class Shards implements Disposable {
  readonly #options: ShardsOptions
  readonly #bundles = new BundleCache()
  readonly #closed: ClosedShards
  #name: string
  #open: TileLog

  private constructor(
    options: ShardsOptions,
    parts: { closed: readonly ClosedShard[]; open: TileLog; name: string; bundles: BundleCache },
  ) {
    this.#options = options
    this.#bundles = parts.bundles
    this.#open = parts.open
    this.#name = parts.name
    this.#closed = new ClosedShards(parts.closed)
  }

  /**
   * Opens the row, and brings its last shard into order after whatever ended its writer.
   * @throws {AuditError} as `recover`
   */
  static async open(options: ShardsOptions): Promise<Shards> {
    const { fs, firstName, key, locks } = options
    const known = locks.shards()
    refuseUnknown(fs, known)
    const bundles = new BundleCache()
    const name = known.pop() ?? (fs.list(LOG_DIR).length > 0 ? FIRST_SHARD : firstName)
    const closed = known.map((shard) => {
      const { verifier } = signerOf(key, shardOrigin(key.verifier.name, shard))
      const parts = { name: shard, fs: shardFs(fs, shard), lock: locks.of(shard) }
      return new ClosedShard({ ...parts, verifier, bundles })
    })
    if (name !== FIRST_SHARD) makeShardDirs(fs)
    const open = await TileLog.open(logOptions(options, name, bundles))
    const shards = new Shards(options, { closed, open, name, bundles })
    shards.#verifyRow()
    return shards
  }

  /** How many leaves are durable. */
  get size(): number {
    return this.#closed.size + this.#open.size
  }

  /** How many leaves checkpoints cover. */
  get covered(): number {
    return this.#closed.size + this.#open.published.size
  }

  /** Of the open shard: what its readers see. */
  get published(): SignedHead {
    return this.#open.published
  }

  /** Of the log, under whose name the shards have theirs. */
  get verifierKey(): string {
    return formatVerifierKey(this.#options.key.verifier)
  }

  get failed(): boolean {
    return this.#open.failed
  }

  /** The open shard; its size is what is durable of it. */
  get current(): { readonly name: string; readonly size: number } {
    return { name: this.#name, size: this.#open.size }
  }

  /** The open shard as a log of its own. */
  get open(): TileLog {
    return this.#open
  }

  /** The last leaf, where it is a note. */
  get lastNote(): Note | undefined {
    const { size } = this.#open
    const leaf = size === 0 ? undefined : this.#open.leaf(size - 1)
    const read = leaf && readLeaf(leaf)
    return read?.kind === 'note' ? read.note : undefined
  }

  /** The shard before the open one. */
  get previous(): Checkpoint | undefined {
    return this.#closed.last?.reader.head
  }

  append(leaf: Uint8Array): number {
    return this.#closed.size + this.#open.append(leaf)
  }

  commit(): void {
    this.#open.commit()
  }

  rollBack(): void {
    this.#open.rollBack()
  }

  publish(): boolean {
    return this.#open.publish()
  }

  verifyHeld(): void {
    this.#open.verifyHeld()
  }

  /**
   * Begins the next shard, after all of this one is published: nothing is added to it any more.
   * @throws {AuditError} `lock_lost`, `log_failed`: the process has to end
   */
  begin(name: string): void {
    const { fs, key, locks } = this.#options
    makeShardDirs(fs)
    const { verifier } = signerOf(key, shardOrigin(key.verifier.name, this.#name))
    const lock = locks.of(this.#name)
    const parts = { name: this.#name, fs: shardFs(fs, this.#name), lock, verifier }
    const shard = new ClosedShard({ ...parts, bundles: this.#bundles })
    const open = TileLog.begin(logOptions(this.#options, name, this.#bundles))
    this.#closed.add(shard)
    this.#open[Symbol.dispose]()
    this.#open = open
    this.#name = name
  }

  /** A leaf, of those that wait, too; undefined beyond the end, and where it was pruned. */
  leaf(index: number): Uint8Array | undefined {
    if (index >= this.#closed.size) return this.#open.leaf(index - this.#closed.size)
    const { first, shard } = this.#closed.at(index)
    return shard.isPruned ? undefined : shard.reader.leaf(index - first)
  }

  /** Leaves from an index on, each verified against the root of its shard; pruned ones are left out. */
  async *leaves(from: number): AsyncGenerator<LeafRun> {
    yield* this.#closed.leaves(from)
    const first = this.#closed.size
    yield* shifted(this.#open.leaves(Math.max(0, from - first)), first)
  }

  placeOf(index: number): LeafPlace {
    const { first, name } =
      index >= this.#closed.size
        ? { first: this.#closed.size, name: this.#name }
        : { first: this.#closed.at(index).first, name: this.#closed.at(index).shard.name }
    const origin = shardOrigin(this.#options.key.verifier.name, name)
    return { shard: name, origin, index: index - first }
  }

  /** A receipt of a leaf that a checkpoint covers; undefined where the leaf was pruned. */
  async receipt(index: number, under?: SignedHead): Promise<string | undefined> {
    if (index >= this.#closed.size)
      return await this.#open.receipt(index - this.#closed.size, under)
    const { first, shard } = this.#closed.at(index)
    return shard.isPruned ? undefined : await shard.reader.receipt(index - first, under)
  }

  /** All shards, the oldest first. */
  list(): ShardFacts[] {
    const { key } = this.#options
    const closed = this.#closed.all.map(({ first, shard }): ShardFacts => {
      const { root, size } = shard.reader.head
      const state = shard.isPruned ? 'pruned' : 'closed'
      return { ...namesOf(key, shard.name), size, root, state, first }
    })
    const { root, size } = this.#open.published
    const open = {
      ...namesOf(key, this.#name),
      size,
      root,
      state: 'open',
      first: this.#closed.size,
    }
    return [...closed, open as ShardFacts]
  }

  /** What a shard has signed; undefined where there is no such shard. */
  headOf(name: string): SignedHead | undefined {
    if (name === this.#name) return this.#open.published
    return this.#closed.named(name)?.reader.head
  }

  /** A shard that is there, as it goes on. */
  follow(name: string): { readonly published: SignedHead } {
    const head = (): SignedHead => this.headOf(name) ?? this.published
    return {
      get published() {
        return head()
      },
    }
  }

  /** Each shard as a log of its own, the open one last. */
  logs(): (ClosedShard | TileLog)[] {
    return [...this.#closed.all.map(({ shard }) => shard), this.#open]
  }

  /** The file under a path of tlog-tiles; `pruned` where it was there once. */
  file(name: string, path: string): Uint8Array | 'pruned' | undefined {
    if (name === this.#name) return this.#open.file(path)
    const shard = this.#closed.named(name)
    if (shard?.isPruned && path.startsWith('tile/entries/')) return 'pruned'
    return shard?.reader.file(path)
  }

  /** Removes the entries of a closed shard; its hashes and checkpoint stay. */
  prune(name: string): void {
    this.#closed.named(name)?.prune()
  }

  [Symbol.dispose](): void {
    this.#open[Symbol.dispose]()
  }

  /** Each shard says where the one before it has ended. */
  #verifyRow(): void {
    for (const [at, { shard }] of this.#closed.all.entries()) {
      const next = this.#closed.all[at + 1]
      const leaf = next === undefined ? this.#open.leaf(0) : next.shard.firstLeaf()
      if (leaf) verifyFollows(leaf, { name: next?.shard.name ?? this.#name, before: shard })
    }
  }
}

function logOptions({ fs, key, locks }: ShardsOptions, name: string, bundles: BundleCache) {
  const signer = signerOf(key, shardOrigin(key.verifier.name, name))
  return { fs: shardFs(fs, name), lock: locks.of(name), signer, bundles }
}
