import { setTimeout as delay } from 'node:timers/promises'
import {
  equalBytes,
  openCheckpoint,
  TiledTree,
  TlogError,
  type TreeHead,
  type TrustPolicy,
  trustCheckpoint,
} from '@verdict/tlog'
import { SubscriberError, SubscriberErrorCode } from './errors.ts'
import type { LogFiles } from './log-files.ts'

/** How often the log is asked for a checkpoint that covers an event which it does not cover yet. */
const POLL_MS = 250

export interface TrustedLogOptions {
  readonly origin: string
  /** With the key of this very log, and the witnesses that it needs; none where none are asked for. */
  readonly policy: TrustPolicy
  readonly files: LogFiles
  /** The last checkpoint that was seen. */
  readonly known: TreeHead | undefined
  /** The wait for a checkpoint that covers an event. */
  readonly coverMs: number
}

/** A log as one subscription sees it: each checkpoint holds all of the one before. */
export class TrustedLog {
  readonly #options: TrustedLogOptions
  #known: TreeHead | undefined
  #tree: TiledTree | undefined

  constructor(options: TrustedLogOptions) {
    this.#options = options
    this.#known = options.known
  }

  /** The last checkpoint that was seen. */
  get head(): TreeHead | undefined {
    return this.#known
  }

  /**
   * The tree of the newest checkpoint, as soon as it covers a leaf; the one that there is where none
   * does in time.
   * @throws {SubscriberError} `checkpoint_inconsistent`, `checkpoint_untrusted`, `log_damaged`,
   *   `log_unreachable`
   */
  async covering(leaf: number): Promise<TiledTree> {
    const endAt = performance.now() + this.#options.coverMs
    for (;;) {
      if (this.#tree && this.#tree.head.size > leaf) return this.#tree
      const isBehind = await this.#refresh()
      if (this.#tree && this.#tree.head.size > leaf) return this.#tree
      if (performance.now() > endAt) {
        if (isBehind || !this.#tree) throw this.#inconsistent('ends before what it has shown')
        return this.#tree
      }
      await delay(POLL_MS)
    }
  }

  /** Takes the newest checkpoint; true where the log shows less than it has shown before. */
  async #refresh(): Promise<boolean> {
    const { files } = this.#options
    const head = this.#trusted(await files.checkpoint())
    if (head.size === this.#tree?.head.size) this.#compare(head, this.#tree.head)
    if (head.size < (this.#known?.size ?? 0)) {
      // A mirror may be late, but what it shows is the beginning of what there is.
      if (this.#tree) this.#compare(head, await headAt(this.#tree, head.size))
      return true
    }
    if (head.size === this.#tree?.head.size) return false
    const tree = await damaged(TiledTree.open(head, files.tile))
    if (this.#known) this.#compare(this.#known, await headAt(tree, this.#known.size))
    this.#tree = tree
    this.#known = { size: head.size, root: head.root }
    return false
  }

  #trusted(note: Uint8Array): TreeHead {
    const { policy, origin } = this.#options
    try {
      // Where no witnesses are asked for, what others have put below the note is of no meaning.
      const { checkpoint } =
        policy.witnesses.length === 0
          ? openCheckpoint(
              note,
              policy.logs.map(({ verifier }) => verifier),
            )
          : trustCheckpoint(note, policy)
      if (checkpoint.origin === origin) return checkpoint
    } catch (cause) {
      if (!(cause instanceof TlogError)) throw cause
      const message = `the checkpoint of \`${origin}\` is not trusted: ${cause.message}`
      throw new SubscriberError(SubscriberErrorCode.checkpointUntrusted, message, { cause })
    }
    const message = `the checkpoint that should be of \`${origin}\` is of another log`
    throw new SubscriberError(SubscriberErrorCode.checkpointUntrusted, message)
  }

  #compare(one: TreeHead, other: TreeHead): void {
    if (equalBytes(one.root, other.root)) return
    throw this.#inconsistent(`had another root when it had ${one.size} entries`)
  }

  #inconsistent(what: string): SubscriberError {
    const { origin } = this.#options
    const message = `the log \`${origin}\` ${what} (${this.#known?.size ?? 0} entries): keep both`
    return new SubscriberError(SubscriberErrorCode.checkpointInconsistent, message)
  }
}

async function headAt(tree: TiledTree, size: number): Promise<TreeHead> {
  return { size, root: await damaged(tree.rootAt(size)) }
}

/** @throws {SubscriberError} `log_damaged` where a tile is not what it should be */
export async function damaged<T>(reading: Promise<T>): Promise<T> {
  try {
    return await reading
  } catch (cause) {
    if (!(cause instanceof TlogError)) throw cause
    throw new SubscriberError(SubscriberErrorCode.logDamaged, cause.message, { cause })
  }
}
