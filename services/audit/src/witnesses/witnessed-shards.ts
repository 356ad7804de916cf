import type { SignedHead } from '../log/recovery.ts'
import type { WitnessPolicy } from './witness-policy.ts'
import type { LogToWitness } from './witnessed-checkpoint.ts'
import { type WitnessEvent, Witnesses, type WitnessReport } from './witnesses.ts'

export interface WitnessedShardsOptions {
  readonly policy: WitnessPolicy
  readonly onEvent: (event: WitnessEvent) => void
  /** The log can't be written any more. */
  readonly onFailed: (error: unknown) => void
}

/**
 * The logs that a policy has witnessed: the shard that is written to, and those that were closed
 * before their last checkpoint had its cosignatures. A shard is a log of its own to witnesses.
 */
export class WitnessedShards implements Disposable {
  readonly #options: WitnessedShardsOptions
  readonly #shards = new Map<string, Witnesses>()
  /** The one that was begun last. */
  #latest: Witnesses | undefined

  constructor(options: WitnessedShardsOptions) {
    this.#options = options
  }

  /**
   * Has the checkpoints of a log witnessed from now on.
   * @throws {AuditError} `witness_policy_wrong`, `log_older`, `log_damaged`
   */
  async follow(log: LogToWitness): Promise<void> {
    const { origin } = log.published
    this.#shards.get(origin)?.[Symbol.dispose]()
    this.#latest = await Witnesses.open({ ...this.#options, log })
    this.#shards.set(origin, this.#latest)
    this.#latest.offer()
  }

  /** There may be new checkpoints. */
  offer(): void {
    for (const witnesses of this.#shards.values()) witnesses.offer()
  }

  /** The newest checkpoint of a log that has all cosignatures it needs. */
  newest(origin: string): SignedHead | undefined {
    return this.#shards.get(origin)?.newest
  }

  /** Of the shard that is written to; what waits may be of another one. */
  report(): WitnessReport | undefined {
    const latest = this.#latest?.report()
    const waits = [...this.#shards.values()].map((shard) => shard.report().waitingMs)
    return latest && { ...latest, waitingMs: Math.max(...waits) }
  }

  [Symbol.dispose](): void {
    for (const witnesses of this.#shards.values()) witnesses[Symbol.dispose]()
  }
}
