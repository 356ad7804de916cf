import { chmod, readFile, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import {
  isEndorsed,
  isSealedBy,
  type JournalKey,
  parseJournalBatch,
  type Seal,
  sealKeyId,
} from '@verdict/contract'
import { temporaryDirectory } from '@verdict/kit'
import { expect, test } from 'vitest'
import { noting } from '../test/noting.ts'
import type { Journal } from './journal.ts'
import { type JournalOptions, openJournal } from './open-journal.ts'
import { type ShipperOptions, shipJournal } from './shipper.ts'

const DEADLINE_MS = 10_000
const KEY_FILE = 'seal-key.json'

/** What was shipped while the journal was open, message by message. */
interface Messages {
  readonly keys: JournalKey[]
  readonly seals: Seal[]
  readonly lastHashes: string[]
}

async function shipped(
  options: JournalOptions,
  work: (journal: Journal, drain: () => Promise<boolean>) => Promise<void>,
  shipping: Partial<ShipperOptions> = {},
): Promise<Messages> {
  const messages: Messages = { keys: [], seals: [], lastHashes: [] }
  await using journal = await openJournal(options)
  const ending = new AbortController()
  const shipper = shipJournal({
    journal,
    store: async (message) => {
      const { controls, lines } = parseJournalBatch(message)
      for (const control of controls) {
        if (control.kind === 'journalKey') messages.keys.push(control.journalKey)
        if (control.kind === 'seal') messages.seals.push(control.seal)
      }
      expect(controls.at(-1)?.kind).toBe('seal')
      messages.lastHashes.push(lines.at(-1)?.hash ?? '')
      await journal.cover({ epoch: journal.epoch, n: lines.at(-1)?.record.n ?? 0 })
    },
    onEvent: () => {},
    signal: ending.signal,
    ...shipping,
  })
  await work(journal, () => shipper.drain(DEADLINE_MS))
  ending.abort()
  await shipper.done
  return messages
}

async function appendOnce(journal: Journal, drain: () => Promise<boolean>): Promise<void> {
  await journal.append(noting('x'))
  expect(await drain()).toBe(true)
}

test('each message is sealed by the key of the journal, which the first one makes known', async () => {
  await using directory = temporaryDirectory()
  const { keys, seals, lastHashes } = await shipped(
    { dir: directory.path },
    async (journal, drain) => {
      for (let round = 0; round < 3; round += 1) await appendOnce(journal, drain)
    },
  )
  const [key = expect.unreachable()] = keys
  expect(keys).toEqual([key, key, key])
  expect(isEndorsed(key)).toBe(true)
  expect(key).toMatchObject({ from: 1, algorithm: 'Ed25519' })
  expect(seals.map(({ n }) => n)).toEqual([1, 2, 3])
  expect(seals.map(({ hash }) => hash)).toEqual(lastHashes)
  for (const seal of seals) {
    expect(isSealedBy(seal, key.key)).toBe(true)
    expect(seal.key).toBe(sealKeyId(key.key))
    expect(isSealedBy({ ...seal, n: seal.n + 1 }, key.key)).toBe(false)
    expect(isSealedBy({ ...seal, instance: 'other' }, key.key)).toBe(false)
  }
})

test('the key is for its user alone, and the same after a restart, which makes it known again', async () => {
  await using directory = temporaryDirectory()
  const { path: dir } = directory
  const first = await shipped({ dir }, appendOnce)
  expect((await stat(path.join(dir, KEY_FILE))).mode & 0o777).toBe(0o600)
  const again = await shipped({ dir }, appendOnce)
  expect(again.keys).toEqual(first.keys)
})

test('a key that is too old is followed by one that it endorses, and so on', async () => {
  await using directory = temporaryDirectory()
  const { path: dir } = directory
  const { keys, seals } = await shipped({ dir, keyAgeMsMax: 0 }, async (journal, drain) => {
    for (let round = 0; round < 4; round += 1) await appendOnce(journal, drain)
  })
  expect(keys).toHaveLength(4)
  for (const [at, key] of keys.entries()) {
    expect(key.previous).toBe(keys[at - 1]?.key)
    expect(isEndorsed(key)).toBe(true)
    expect(key.from).toBe(at + 1)
    expect(isSealedBy(seals[at] ?? expect.unreachable(), key.key)).toBe(true)
  }
  // What the next start seals by is the last one, which the one before endorses.
  const next = await shipped({ dir }, appendOnce)
  expect(next.keys[0]?.previous).toBe(keys.at(-1)?.key)
})

test('a key whose records the log does not cover stays, for it may not be known there', async () => {
  await using directory = temporaryDirectory()
  const store = async (): Promise<void> => {}
  const work = async (journal: Journal, drain: () => Promise<boolean>): Promise<void> => {
    const first = journal.sealer.publicKey
    for (let round = 0; round < 3; round += 1) await appendOnce(journal, drain)
    expect(journal.sealer.publicKey).toBe(first)
    await journal.cover({ epoch: journal.epoch, n: 3 })
    await appendOnce(journal, drain)
    const second = journal.sealer.publicKey
    expect(second).not.toBe(first)
    // It begins with the fifth record.
    await journal.cover({ epoch: journal.epoch, n: 4 })
    await appendOnce(journal, drain)
    expect(journal.sealer.publicKey).toBe(second)
  }
  await shipped({ dir: directory.path, keyAgeMsMax: 0 }, work, { store })
})

test('a batch that has to be sent again has the same bytes', async () => {
  await using directory = temporaryDirectory()
  const sent: string[] = []
  await shipped(
    { dir: directory.path },
    async (journal, drain) => {
      await journal.append(noting('x'))
      await drain()
    },
    {
      store: async (message) => {
        sent.push(Buffer.from(message).toString())
        if (sent.length < 3) throw new Error('no leader')
      },
    },
  )
  expect(sent).toHaveLength(3)
  expect(new Set(sent).size).toBe(1)
})

test('lines that others add stand before the records', async () => {
  await using directory = temporaryDirectory()
  const extra = JSON.stringify({ subjectKeys: [{ subject: 'x' }], v: 1 })
  const kinds: string[] = []
  await shipped({ dir: directory.path }, appendOnce, {
    controlsOf: ({ lastN }) => (lastN === 1 ? [extra] : []),
    store: async (message) => {
      const { controls } = parseJournalBatch(message)
      kinds.push(...controls.map(({ kind }) => kind))
    },
  })
  expect(kinds).toEqual(['journalKey', 'subjectKeys', 'seal'])
})

test('a key file that was changed stops the start, and one of another journal does, too', async () => {
  await using one = temporaryDirectory()
  await using two = temporaryDirectory()
  await shipped({ dir: one.path }, appendOnce)
  await shipped({ dir: two.path }, appendOnce)
  const file = path.join(one.path, KEY_FILE)
  const own = await readFile(file, 'utf8')
  const other = await readFile(path.join(two.path, KEY_FILE), 'utf8')
  const foreignKey = JSON.stringify({ ...JSON.parse(own), jwk: JSON.parse(other).jwk })
  for (const text of ['', '{', other, foreignKey, own.replace('Ed25519', 'Ed448')]) {
    await writeFile(file, text)
    await chmod(file, 0o600)
    await expect(openJournal({ dir: one.path })).rejects.toMatchObject({ code: 'corrupt' })
  }
  await writeFile(file, own)
  await (await openJournal({ dir: one.path })).close()
})

test('nearly full is told once, and that it is so no more', async () => {
  await using directory = temporaryDirectory()
  const fills: boolean[] = []
  await using journal = await openJournal({
    dir: directory.path,
    bytesMax: 1024 ** 2,
    segmentBytesMax: 100_000,
    onFill: ({ isNearlyFull }) => fills.push(isNearlyFull),
  })
  const note = 'x'.repeat(10_000)
  while (!journal.fill.isNearlyFull) await journal.append(noting(note))
  expect(journal.bytes).toBeGreaterThanOrEqual(0.8 * 1024 ** 2)
  await journal.append(noting(note))
  expect(fills).toEqual([true])
  const ending = new AbortController()
  const store = async (): Promise<void> => undefined
  const shipper = shipJournal({ journal, store, onEvent: () => {}, signal: ending.signal })
  expect(await shipper.drain(DEADLINE_MS)).toBe(true)
  expect(fills).toEqual([true])
  await journal.cover({ epoch: journal.epoch, n: journal.lastDurable })
  expect(fills).toEqual([true, false])
  ending.abort()
  await shipper.done
})

test('while keys rotate under load, each seal is by the key of its place', async () => {
  await using directory = temporaryDirectory()
  const { keys, seals } = await shipped(
    { dir: directory.path, keyAgeMsMax: 0 },
    async (journal, drain) => {
      const caller = async (): Promise<void> => {
        for (let at = 0; at < 40; at += 1) await journal.append(noting('x'))
      }
      await Promise.all(Array.from({ length: 16 }, caller))
      expect(await drain()).toBe(true)
    },
    { lingerMs: 0 },
  )
  expect(seals.at(-1)?.n).toBe(640)
  expect(new Set(seals.map(({ key }) => key)).size).toBe(seals.length)
  for (const seal of seals) {
    const key = keys.findLast(({ from }) => from <= seal.n)
    expect(isSealedBy(seal, key?.key ?? '')).toBe(true)
  }
})
