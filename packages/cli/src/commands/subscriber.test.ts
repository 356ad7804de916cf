import { stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { connectSubscriber, publishDecided, pullEvents, subscriberSeedFile } from '@verdict/bus'
import { startBus, TestJournal, waitFor } from '@verdict/kit'
import { createSigner, formatVerifierKey, KeyAlgorithm } from '@verdict/tlog'
import { expect, test } from 'vitest'
import { verdict } from '../../test/captured.ts'

const SOON = { deadlineMs: 20_000 }
const KEY = formatVerifierKey(
  createSigner('log.test', KeyAlgorithm.ed25519, new Uint8Array(32).fill(1)).verifier,
)

test('a subscriber is added to a running cluster, reads, and is removed', async () => {
  await using bus = await startBus()
  // As `verdict dev` has it.
  const place = ['--data-dir', bus.directory]
  const run = {
    ...{ pid: process.pid, natsUrl: bus.url, auditUrl: 'http://127.0.0.1:1' },
    processes: [{ name: 'nats-server', pid: bus.server.pid }],
  }
  await writeFile(path.join(bus.directory, 'run.json'), JSON.stringify(run))
  const filter = ['--outcome', 'deny', '--outcome', 'error', '--namespace', 'shop']
  const added = await verdict(['subscriber', 'add', 'siem', ...filter, ...place])
  expect(added).toMatchObject({ code: 0, err: '' })
  expect(added.out).toContain('verdict.decided.deny.shop.* verdict.decided.error.shop.*')
  const seedFile = subscriberSeedFile(bus.keysDir, 'siem')
  expect((await stat(seedFile)).mode & 0o777).toBe(0o600)

  const audit = await bus.connect('audit')
  const journal = new TestJournal('pdp')
  const lines = [journal.append(), journal.append({ outcome: 'deny' })]
  for (const [leaf, line] of lines.entries()) {
    publishDecided(audit, { ...line, index: leaf + 1, leaf, origin: 'other.log' })
  }
  await audit.flush()
  const listed = await waitFor(
    async () => {
      const { out } = await verdict(['subscriber', 'list', ...place])
      return /siem +1 +0 /.test(out) ? out : undefined
    },
    { ...SOON, what: 'one event to wait' },
  )
  expect(listed).toMatch(/waiting +in hand +told of/)
  const nc = await connectSubscriber({ url: bus.url, name: 'siem', seedFile })
  const { signal } = new AbortController()
  const [event] = await pullEvents(nc, { name: 'siem', batchMax: 10, signal })
  expect(event).toMatchObject({ leaf: 1, json: lines[1]?.json })
  event?.giveBack()
  await nc.drain()

  // What is of another log is not shown as a decision.
  const state = path.join(bus.directory, 'state.json')
  const follow = ['subscriber', 'follow', 'siem', '--key', KEY, '--state', state, ...place]
  const followed = await verdict(follow)
  expect(followed).toMatchObject({ code: 1, out: '' })
  expect(followed.err).toContain('event_forged: message 2')

  expect(await verdict(['subscriber', 'remove', 'siem', ...place])).toMatchObject({ code: 0 })
  await expect(stat(seedFile)).rejects.toThrow('ENOENT')
  const { out } = await verdict(['subscriber', 'list', ...place])
  expect(out).not.toContain('siem')
  expect(await verdict(['subscriber', 'remove', 'siem', ...place])).toMatchObject({ code: 2 })
}, 60_000)

test('servers that are not ours are left to their owner, who is told what to do', async () => {
  await using bus = await startBus()
  const place = ['--nats', bus.url, '--nkeys', bus.keysDir, '--data-dir', '/nowhere']
  const add = (...more: string[]) => verdict(['subscriber', 'add', 'siem', ...more, ...place])
  const added = await add()
  expect(added).toMatchObject({ code: 0 })
  expect(added.out).toContain(`verdict keys ${bus.keysDir}`)
  expect(await add()).toMatchObject({ code: 0, out: added.out })
  const { out } = await verdict(['keys', bus.keysDir])
  expect(out).toContain('"SUBSCRIBER_siem"')
  expect((await add('--service', 'orders')).err).toContain('other filters')
  for (const wrong of [['add'], ['add', 'Not A Name'], ['add', 'x', '--outcome', 'maybe']]) {
    const { code } = await verdict(['subscriber', ...wrong, ...place])
    expect(code, wrong.join(' ')).not.toBe(0)
  }
}, 60_000)
