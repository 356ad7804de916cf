import type { PrunedShard, Retention } from './retention.ts'

/** How often it is looked whether the period of a shard is over. */
export const PRUNE_EVERY_MS = 3_600_000

export interface RetentionJobOptions {
  readonly retention: Pick<Retention, 'prune'>
  readonly periodMs: number
  readonly onPruned: (shard: PrunedShard) => void
  /** It is tried again after PRUNE_EVERY_MS. */
  readonly onFailed: (error: unknown) => void
  /** Default: PRUNE_EVERY_MS. */
  readonly everyMs?: number
}

/** Prunes at the start and from then on, one run after the other. */
export function startRetention(options: RetentionJobOptions): AsyncDisposable {
  const { everyMs = PRUNE_EVERY_MS, onFailed, onPruned, periodMs, retention } = options
  let running = Promise.resolve()
  const run = (): void => {
    running = running
      .then(async () => {
        for (const shard of await retention.prune(periodMs)) onPruned(shard)
      })
      .catch(onFailed)
  }
  run()
  const timer = setInterval(run, everyMs)
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer)
      await running
    },
  }
}
