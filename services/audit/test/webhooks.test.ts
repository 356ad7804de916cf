import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { storeBatch } from '@verdict/bus'
import { ServiceProcess, startBus, TestJournal, temporaryDirectory, waitFor } from '@verdict/kit'
import { expect, test } from 'vitest'
import { isSignedBy, SECRET, WebhookReceiver } from './webhook-receiver.ts'

const TIMEOUT = { timeout: 120_000 }
const SOON = { deadlineMs: 30_000 }

test(
  'the service posts decisions, and tells of the first failure and of its end',
  TIMEOUT,
  async () => {
    await using bus = await startBus()
    await using dir = temporaryDirectory()
    await using receiver = await WebhookReceiver.start()
    const file = join(dir.path, 'webhooks.json')
    const hook = { name: 'siem', url: receiver.url, secretFile: 'secret' }
    writeFileSync(join(dir.path, 'secret'), SECRET)
    writeFileSync(file, JSON.stringify({ webhooks: [hook] }))
    await using audit = await ServiceProcess.start('audit', bus, {
      VERDICT_AUDIT_DATA_DIR: join(dir.path, 'audit'),
      VERDICT_AUDIT_WEBHOOKS: file,
    })
    for (let failures = 0; failures < 2; failures++) {
      receiver.answers.push((response) => response.writeHead(503).end('not now'))
    }
    const journal = new TestJournal('authz-1')
    const message = journal.sealed(journal.appendAll(3))
    const recorder = await bus.connect('authz-record')
    await storeBatch(recorder, journal.subject, message, { timeoutMs: 5_000 })

    const isBack = (): boolean => audit.output.includes('"event":"webhook_recovered"')
    await waitFor(isBack, { ...SOON, what: 'the webhook to work again' })
    expect(receiver.indices()).toEqual([1, 2, 3])
    expect(receiver.deliveries).toHaveLength(3)
    expect(receiver.deliveries.every((delivery) => isSignedBy(SECRET, delivery))).toBe(true)
    expect(audit.output.match(/"event":"webhook_failed"/g)).toHaveLength(1)
    expect(audit.output).toContain('answers 503')
    const metrics = await audit.metrics()
    expect(metrics).toContain('verdict_audit_webhook_decisions_total{webhook="siem"} 3')
    expect(metrics).toContain('verdict_audit_webhook_failures_total{webhook="siem"} 2')
  },
)
