import { messageOf, VerdictError } from '@verdict/contract'
import { Counter, Gauge, type Logger, type Registry } from '@verdict/service'
import type { Webhook, WebhookWatch } from './webhook.ts'

/** What happens to webhooks, counted and logged: the first failure of a row, and its end. */
export class WebhookEvents implements WebhookWatch {
  readonly #log: Logger
  readonly #decisions: Counter<'webhook'>
  readonly #failures: Counter<'webhook'>
  readonly #success: Gauge<'webhook'>

  constructor(log: Logger, metrics: Registry, names: readonly string[]) {
    this.#log = log
    const labels = { labelNames: ['webhook'] as const, registers: [metrics] }
    this.#decisions = new Counter({
      name: 'verdict_audit_webhook_decisions_total',
      help: 'Decisions that the receiver of a webhook has accepted; repeated ones count again.',
      ...labels,
    })
    this.#failures = new Counter({
      name: 'verdict_audit_webhook_failures_total',
      help: 'Batches that the receiver of a webhook did not accept; each try counts.',
      ...labels,
    })
    this.#success = new Gauge({
      name: 'verdict_audit_webhook_success_seconds',
      help: 'When the receiver of a webhook last accepted, in seconds since 1970; 0: not yet.',
      ...labels,
    })
    for (const webhook of names) {
      this.#decisions.inc({ webhook }, 0)
      this.#failures.inc({ webhook }, 0)
      this.#success.set({ webhook }, 0)
    }
  }

  delivered(webhook: string, decisions: number): void {
    this.#decisions.inc({ webhook }, decisions)
    this.#success.set({ webhook }, Date.now() / 1_000)
  }

  failed(webhook: string, { error, first }: { error: unknown; first: boolean }): void {
    this.#failures.inc({ webhook })
    if (!first) return
    const code = error instanceof VerdictError ? error.code : undefined
    this.#log.warn({ event: 'webhook_failed', webhook, code }, messageOf(error))
  }

  recovered(webhook: string, failures: number): void {
    this.#log.info({ event: 'webhook_recovered', webhook, failures }, 'a webhook works again')
  }

  gone(webhook: string, message: string): void {
    this.#log.error({ event: 'webhook_gone', webhook }, `${message}: nothing more is sent there`)
  }

  /** How far each is behind, and whether it works, is asked at each scrape. */
  follow(metrics: Registry, webhooks: readonly Webhook[]): void {
    const labels = { labelNames: ['webhook'] as const, registers: [metrics] }
    new Gauge({
      name: 'verdict_audit_webhook_behind',
      help: 'Decisions of the log that a webhook has not come to; NaN: nothing more is sent.',
      ...labels,
      collect() {
        for (const { behind, name } of webhooks) this.set({ webhook: name }, behind ?? Number.NaN)
      },
    })
    new Gauge({
      name: 'verdict_audit_webhook_failing',
      help: '1 while the receiver of a webhook does not accept.',
      ...labels,
      collect() {
        for (const { failing, name } of webhooks) this.set({ webhook: name }, failing ? 1 : 0)
      },
    })
  }
}
