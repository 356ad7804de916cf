import type { ServiceContext } from '@verdict/service'
import type { AuditConfig } from '../config.ts'
import type { Feed } from '../stream/feed.ts'
import { Webhook } from './webhook.ts'
import type { WebhookSource } from './webhook-batch.ts'
import { WebhookCursor } from './webhook-cursor.ts'
import { WebhookEvents } from './webhook-events.ts'
import type { WebhookTarget } from './webhook-file.ts'

export interface WebhooksOptions extends Pick<ServiceContext<unknown>, 'log' | 'metrics'> {
  readonly config: Pick<AuditConfig, 'dataDir'>
  readonly targets: readonly WebhookTarget[]
  readonly store: WebhookSource
  readonly feed: Pick<Feed, 'next'>
  /** After a failure; default: WEBHOOK_RETRY_MS. */
  readonly retryMs?: number
}

/**
 * Begins to post decisions. Disposing of it ends what is under way: it is posted again at the next
 * start.
 */
export function startWebhooks(options: WebhooksOptions): AsyncDisposable {
  const { config, feed, log, metrics, store, targets, ...rest } = options
  if (targets.length === 0) return { [Symbol.asyncDispose]: async () => undefined }
  const ended = new AbortController()
  const { signal } = ended
  const names = targets.map(({ name }) => name)
  const watch = new WebhookEvents(log, metrics, names)
  const webhooks = targets.map((target) => {
    const cursor = new WebhookCursor(config.dataDir, target.name, store.lastIndex)
    return new Webhook({ ...rest, target, cursor, feed, watch, signal, source: store })
  })
  watch.follow(metrics, webhooks)
  const runs = webhooks.map(async (webhook) => await webhook.run())
  return {
    async [Symbol.asyncDispose]() {
      ended.abort()
      await Promise.all(runs)
    },
  }
}
