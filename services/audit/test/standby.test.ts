import { storeBatch } from '@verdict/bus'
import { CONSUMERS, DECISIONS, type JournalLine } from '@verdict/contract'
import {
  ServiceProcess,
  startBus,
  type TestBus,
  TestJournal,
  temporaryDirectory,
  waitFor,
} from '@verdict/kit'
import { parseCheckpoint, parseNote } from '@verdict/tlog'
import { expect, test } from 'vitest'
import type { ListBody } from './served-log.ts'

const TIMEOUT = { timeout: 120_000 }
const SOON = { deadlineMs: 30_000 }
const ACK_WAIT_NS = 1_000_000_000

interface Readiness {
  readonly checks: Readonly<Record<string, { ok: boolean; detail: string }>>
}

async function spawn(bus: TestBus, dir: string): Promise<ServiceProcess> {
  return await ServiceProcess.spawn('audit', bus, {
    VERDICT_AUDIT_DATA_DIR: dir,
    VERDICT_AUDIT_STANDBY: 'on',
    VERDICT_AUDIT_AUTHORIZATION: 'off',
  })
}

async function untilStandingBy(audit: ServiceProcess): Promise<void> {
  const says = async (): Promise<boolean> => {
    const { checks } = await audit.get<Readiness>('/readyz')
    return checks['standby']?.detail.includes('standing by') === true
  }
  await waitFor(() => says().catch(() => false), { ...SOON, what: 'a service to stand by' })
}

/** Every decision of the log, oldest first. */
async function decisionsOf(audit: ServiceProcess): Promise<string[]> {
  const { decisions = [] } = await audit.get<ListBody>('/v1/decisions?limit=1000')
  return decisions.map(({ record }) => record.id).toReversed()
}

/** Collects the checkpoints that any of the services shows: no two of one size may differ. */
class Checkpoints {
  readonly #roots = new Map<string, string>()

  async look(...services: readonly ServiceProcess[]): Promise<void> {
    for (const audit of services) {
      const log = await audit.get<{ shards?: { path: string }[] }>('/v1/log').catch(() => undefined)
      for (const { path } of log?.shards ?? [{ path: '/log/' }]) {
        const response = await fetch(audit.url(`${path}checkpoint`)).catch(() => undefined)
        if (response?.status !== 200) continue
        const { origin, root, size } = parseCheckpoint(parseNote(await response.text()).text)
        const found = Buffer.from(root).toString('hex')
        expect(this.#roots.get(`${origin} ${size}`) ?? found).toBe(found)
        this.#roots.set(`${origin} ${size}`, found)
      }
    }
  }
}

/** What the writer had in hand is delivered again after this long. */
async function shortenAckWait(bus: TestBus): Promise<void> {
  const provisioner = await bus.connect('provisioner')
  const consumer = `${DECISIONS.name}.${CONSUMERS.audit}`
  const info = await provisioner.request(`$JS.API.CONSUMER.INFO.${consumer}`)
  const config = { ...info.json<{ config: object }>().config, ack_wait: ACK_WAIT_NS }
  const body = JSON.stringify({ stream_name: DECISIONS.name, config, action: 'update' })
  const reply = await provisioner.request(`$JS.API.CONSUMER.CREATE.${consumer}`, body)
  expect(reply.json()).not.toHaveProperty('error')
}

test('the next one goes on when the writer is killed, and when it hangs', TIMEOUT, async () => {
  await using bus = await startBus()
  await shortenAckWait(bus)
  await using dir = temporaryDirectory()
  const recorder = await bus.connect('authz-record')
  const journal = new TestJournal('authz-1')
  const lines: JournalLine[] = []
  const checkpoints = new Checkpoints()
  const store = async (count: number): Promise<void> => {
    const { data } = journal.message(journal.appendAll(count))
    await storeBatch(recorder, journal.subject, data, { timeoutMs: 5_000 })
    lines.push(...journal.lines.slice(-count))
  }
  const holdsAll = async (audit: ServiceProcess): Promise<void> => {
    const all = async (): Promise<boolean> => (await decisionsOf(audit)).length >= lines.length
    await waitFor(() => all().catch(() => false), { ...SOON, what: 'all records' })
    expect(await decisionsOf(audit)).toEqual(lines.map(({ record }) => record.id))
  }

  await using first = await spawn(bus, dir.path)
  await first.waitUntilReady()
  await using second = await spawn(bus, dir.path)
  await untilStandingBy(second)
  await store(50)
  await holdsAll(first)
  await checkpoints.look(first)
  await store(20)
  await first.end('SIGKILL')
  await second.waitUntilReady()
  expect(second.output).toContain('"event":"took_over"')
  await holdsAll(second)
  await checkpoints.look(second)

  await using third = await spawn(bus, dir.path)
  await untilStandingBy(third)
  second.signal('SIGSTOP')
  // It hangs and is not gone: nobody takes over from it before an operator says so.
  await store(20)
  third.signal('SIGUSR2')
  await third.waitUntilReady()
  await holdsAll(third)
  await checkpoints.look(third)
  second.signal('SIGCONT')
  expect(await second.exited()).toBe(1)
  expect(second.output).toContain('lock_lost')
  await store(20)
  await holdsAll(third)
  await checkpoints.look(third)
})
