import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { publishCovered } from '@verdict/bus'
import {
  allStreamLines,
  sendHttp,
  startBus,
  startDecisionPoint,
  startIdentityResponder,
  streamLines,
  temporaryDirectory,
  waitFor,
} from '@verdict/kit'
import { expect, test } from 'vitest'

/** What answers wait for, by route and by policy, with and without a bus. */

const TIMEOUT = { timeout: 90_000 }
const DEADLINE_MS = 20_000
const entrypoint = 'envoy/authz/allow'
const POLICY = `package envoy.authz

default allow := true

allow := {"allowed": true, "record_class": "best_effort"} if input.parsed_path[0] == "lax"
`
const ROUTES = [
  { path: '/safe', entrypoint, record_class: 'replicated' },
  { path: '/lax', entrypoint, record_class: 'replicated' },
]

test(
  'a class that can not be met is an error, and what is dropped is counted',
  TIMEOUT,
  async () => {
    await using bus = await startBus()
    await using _authn = await startIdentityResponder(bus)
    await using dir = temporaryDirectory()
    const routes = join(dir.path, 'routes.json')
    writeFileSync(routes, JSON.stringify({ routes: ROUTES }))
    await using point = await startDecisionPoint({
      bus,
      policies: { 'authz.rego': POLICY },
      settings: { VERDICT_AUTHZ_ROUTES: routes, VERDICT_AUTHZ_JOURNAL_BYTES_MAX: '256KiB' },
    })
    const ask = async (path: string) => {
      const { body, headers, status } = await sendHttp(point.process.url(`/check${path}`))
      const code = status === 200 ? undefined : JSON.parse(String(body)).error.code
      return { id: String(headers['x-verdict-decision-id']), status, code }
    }

    // In the stream when it is answered, the activation of the policies before it.
    const safe = await ask('/safe')
    const lines = await allStreamLines(bus)
    expect(lines[0]?.record).toMatchObject({ n: 1, activation: { revision: expect.any(String) } })
    expect(lines.at(-1)?.record).toMatchObject({ id: safe.id, recordClass: 'replicated' })
    expect(await ask('/plain')).toMatchObject({ status: 200 })

    await bus.kill()
    expect(await ask('/safe')).toMatchObject({ status: 503, code: 'record_unreplicated' })
    const full = async (): Promise<boolean> => {
      const asked = await Promise.all(Array.from({ length: 32 }, () => ask('/plain')))
      return asked.some(({ code }) => code === 'record_failed')
    }
    await waitFor(full, { deadlineMs: DEADLINE_MS, what: 'the journal to be full' })
    expect(await point.metric('verdict_journal_nearly_full')).toBe(1)
    const lax = await Promise.all(Array.from({ length: 5 }, () => ask('/lax')))
    expect(lax.map(({ status }) => status)).toEqual(lax.map(() => 200))
    expect(await point.metric('verdict_records_dropped_total{reason="full"}')).toBe(5)
    expect(await point.metric('verdict_records_total{class="best_effort"}')).toBe(5)

    await bus.up()
    const shipped = await waitFor(
      async () =>
        (await streamLines(bus)).findLast(({ record }) => record.request.path === '/plain'),
      { deadlineMs: DEADLINE_MS, what: 'records in the stream' },
    )
    const { instance, epoch } = shipped.record
    const auditor = await bus.connect('audit')
    const gap = await waitFor(
      async () => {
        const all = await allStreamLines(bus)
        const n = all.at(-1)?.record.n ?? 0
        publishCovered(auditor, { instance, epoch, n, checkpoint: { origin: 'log', size: n } })
        return all.find(({ record }) => 'gap' in record)
      },
      { deadlineMs: DEADLINE_MS, what: 'the gap on record' },
    )
    expect(gap.record).toMatchObject({ gap: { count: 5, reason: 'full' } })
    await point.process.waitUntilReady()
    expect(await point.metric('verdict_journal_nearly_full')).toBe(0)
  },
)
