import { provision } from '@verdict/bus'
import { DECISIONS } from '@verdict/contract'
import { startBus, type TemporaryDirectory, temporaryDirectory, waitFor } from '@verdict/kit'
import { createLog, createMetrics } from '@verdict/service'
import type { NatsConnection } from 'nats'
import { expect, test } from 'vitest'
import { Store } from '../store.ts'
import { watchStream } from './watch-stream.ts'

const TIMEOUT = { timeout: 60_000 }
const SOON = { deadlineMs: 20_000 }
const CAPACITY = { replicas: 1, maxBytes: 64 * 1024 * 1024 }
const ALL = { before: Number.MAX_SAFE_INTEGER, limit: 100 }

async function ask(nc: NatsConnection, question: string, body: object = {}): Promise<object> {
  const subject = `$JS.API.STREAM.${question}.${DECISIONS.name}`
  const answer = (await nc.request(subject, JSON.stringify(body))).json<{ config?: object }>()
  expect(answer).not.toHaveProperty('error')
  return answer.config ?? {}
}

/** What an audit service has of its log and the bus, as far as the stream is concerned. */
async function watching(nc: NatsConnection, dir: TemporaryDirectory) {
  const failures: unknown[] = []
  const [store, metrics] = [await Store.open({ dir: dir.path }), createMetrics('audit')]
  const log = createLog({ service: 'audit', instance: 'audit-test', level: 'silent' })
  const fail = (error: unknown): void => void failures.push(error)
  const watch = await watchStream({ nc, store, log, metrics, fail })
  return { failures, metrics, store, watch }
}

test(
  'who weakens the stream is on the record, and it is an alarm until it is mended',
  TIMEOUT,
  async () => {
    await using bus = await startBus()
    await using dir = temporaryDirectory()
    const nc = await bus.connect('audit')
    const { failures, metrics, store, watch } = await watching(nc, dir)
    await using _watch = watch
    using _store = store
    const until = async (detail: string, what: string): Promise<void> => {
      await waitFor(() => watch.health().detail.includes(detail), { ...SOON, what })
    }
    // What is not as declared says so, too.
    const untilDeclared = async (what: string): Promise<void> => {
      await waitFor(() => watch.health().detail === 'as declared', { ...SOON, what })
    }
    const alarm = async (): Promise<string> =>
      await metrics.getSingleMetricAsString('verdict_audit_stream_weakened')
    const admin = await bus.connect('provisioner')
    const declared = await ask(admin, 'INFO')
    await untilDeclared('the first look')

    await ask(admin, 'UPDATE', { ...declared, max_msgs: 1, discard: 'old' })
    await until('max_msgs is 1, not -1', 'the alarm')
    expect(watch.health().ok).toBe(false)
    expect(await alarm()).toContain('verdict_audit_stream_weakened 1')
    expect(store.findings(ALL)).toMatchObject([{ kind: 'stream_weakened' }])
    await ask(admin, 'UPDATE', declared)
    await untilDeclared('the stream to be mended')
    expect(store.findings(ALL)).toMatchObject([{ resolvedAt: expect.any(String) }])

    await ask(admin, 'DELETE')
    await until('is not there: provision it', 'the second alarm')
    expect(watch.health().ok).toBe(false)
    await provision(admin, CAPACITY)
    await untilDeclared('the stream to be there again')
    expect(await alarm()).toContain('verdict_audit_stream_weakened 0')

    const by = expect.objectContaining({ name: 'test provisioner' })
    const question = `$JS.API.STREAM.DELETE.${DECISIONS.name}`
    await waitFor(() => store.notes('advisory').some((body) => body['question'] === question), {
      ...SOON,
      what: 'the advisory in the log',
    })
    expect(store.notes('advisory')).toContainEqual(expect.objectContaining({ question, by }))
    expect(store.notes('advisory')).toContainEqual(
      expect.objectContaining({ request: expect.stringContaining('"max_msgs":1'), by }),
    )
    expect(failures).toEqual([])
  },
)

test(
  'a stream that is weakened already stops the start, and is on the record',
  TIMEOUT,
  async () => {
    await using bus = await startBus()
    await using dir = temporaryDirectory()
    const admin = await bus.connect('provisioner')
    await ask(admin, 'UPDATE', { ...(await ask(admin, 'INFO')), max_msgs: 7 })
    await expect(watching(await bus.connect('audit'), dir)).rejects.toMatchObject({
      code: 'stream_weakened',
      message: expect.stringContaining('max_msgs is 7, not -1'),
    })
  },
)
