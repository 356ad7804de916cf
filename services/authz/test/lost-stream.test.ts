import { readdirSync, statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import {
  ServiceProcess,
  sendHttp,
  startBus,
  startDecisionPoint,
  temporaryDirectory,
  waitFor,
} from '@verdict/kit'
import { expect, test } from 'vitest'

/** A nats-server that has lost what it acknowledged, beside a real audit service. */

const SOON = { deadlineMs: 60_000 }
const POLICIES = { 'authz.rego': 'package envoy.authz\n\ndefault allow := true\n' }

interface Listed {
  readonly decisions: { readonly record: { readonly id: string } }[]
  readonly findings: { readonly kind: string; readonly resolvedAt?: string }[]
  readonly instances: { readonly missing: number }[]
}

test('what the stream has lost is sent again, and is in the log once', async () => {
  await using bus = await startBus()
  await using dir = temporaryDirectory()
  const settings = { VERDICT_AUTHZ_JOURNAL_RESEND_AFTER: '1s' }
  await using point = await startDecisionPoint({ bus, policies: POLICIES, settings })
  const ids: string[] = []
  const decide = async (count: number): Promise<void> => {
    for (let at = 0; at < count; at += 1) {
      const { headers } = await sendHttp(point.process.url('/check/a'))
      ids.push(String(headers['x-verdict-decision-id']))
    }
  }
  const shipped = async (): Promise<void> => {
    const unshipped = (): Promise<number> => point.metric('verdict_journal_unshipped')
    await waitFor(async () => (await unshipped()) === 0, { ...SOON, what: 'all to be shipped' })
  }
  const store = join(bus.directory, 'nats')
  const audit = (): Promise<ServiceProcess> =>
    ServiceProcess.start('audit', bus, { VERDICT_AUDIT_DATA_DIR: join(dir.path, 'audit') })
  const whole = async (log: ServiceProcess): Promise<void> => {
    const logged = async (): Promise<string[]> => {
      const { decisions } = await log.get<Listed>('/v1/decisions?limit=1000')
      return decisions.map(({ record }) => record.id).toSorted()
    }
    const all = async (): Promise<boolean> => (await logged()).length >= ids.length
    await waitFor(all, { ...SOON, what: 'all decisions to be in the log' })
    expect(await logged()).toEqual(ids.toSorted())
    const { findings } = await log.get<Listed>('/v1/findings')
    expect(findings.filter(({ resolvedAt }) => resolvedAt === undefined)).toEqual([])
    const { instances } = await log.get<Listed>('/v1/instances')
    expect(instances).toMatchObject([{ missing: 0 }])
  }
  {
    await using log = await audit()
    await decide(3)
    await whole(log)
    await log.end('SIGTERM')
  }
  // Half of its file is gone, with records that the log has and with some that it has not.
  await decide(3)
  await shipped()
  await bus.kill()
  const block = lastBlock(store)
  truncateSync(block, Math.floor(statSync(block).size / 2))
  await bus.up()
  // Hears what is told.
  await point.process.waitUntilReady()
  await decide(1)
  await using log = await audit()
  await whole(log)
  expect(await point.metric('verdict_journal_resent_total')).toBeGreaterThanOrEqual(3)
  expect(point.process.output).toContain('"event":"journal_resent"')
}, 120_000)

/** The file that has the last messages of DECISIONS. */
function lastBlock(store: string): string {
  const files = readdirSync(store, { recursive: true, encoding: 'utf8' })
  const blocks = files.filter((file) => /DECISIONS\/msgs\/\d+\.blk$/.test(file)).toSorted()
  return join(store, blocks.at(-1) ?? expect.unreachable())
}
