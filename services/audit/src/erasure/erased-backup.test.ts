import { randomBytes } from 'node:crypto'
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import {
  chainHash,
  type DecisionLine,
  encodePersonalKeyFile,
  encodeRecord,
  encodeSubjectKeys,
  encryptText,
  genesisHash,
  newDecisionId,
  newSealingKeys,
  parseJournalLine,
  pseudonymOf,
  sealSubjectKey,
  subjectKeyId,
} from '@verdict/contract'
import { TestJournal, type TestMessage, temporaryDirectory } from '@verdict/kit'
import { leafHash, parseTrustPolicy, verifyTlogProof } from '@verdict/tlog'
import { expect, test } from 'vitest'
import { subjectKeysIn } from '../key-store/key-lines.ts'
import { KeyStore } from '../key-store/key-store.ts'
import { PersonalReader } from '../key-store/personal-reader.ts'
import { decisionLeaf } from '../log/leaf.ts'
import { Store } from '../store.ts'
import { Erasures } from './erasure.ts'

const MADE_MS = Date.parse('2026-03-01T00:00:00Z')
const ERASED_MS = MADE_MS + 60_000
const pair = newSealingKeys()
const pseudonymKey = { period: '2026-03', key: randomBytes(32) }

/** A decision point: what it encrypts, and the messages that it sends. */
class DecisionPoint {
  readonly journal = new TestJournal('pdp')
  readonly #keys = new Map<string, Buffer>()
  readonly #atMs: number

  constructor(atMs = MADE_MS) {
    this.#atMs = atMs
  }

  /** A message with a record of each subject, and their keys. */
  message(subjects: readonly string[], seq: number): TestMessage {
    const sealed = subjects.map((subject) => {
      const pseudonym = pseudonymOf(subject, pseudonymKey)
      return sealSubjectKey(this.key(subject), { at: this.#atMs, pseudonym, to: pair.publicKey })
    })
    const lines = subjects.map((subject) => this.#append(subject))
    const message = this.journal.message(lines, seq)
    const keys = Buffer.from(`${encodeSubjectKeys(sealed)}\n`)
    return { ...message, data: Buffer.concat([keys, message.data]) }
  }

  #append(subject: string): DecisionLine {
    const { instance, epoch, lines } = this.journal
    const plain = new TestJournal(instance, epoch).append({ principal: subject }).record
    const id = newDecisionId()
    const key = this.key(subject)
    const encrypted = (text: string, field: string): string =>
      encryptText(
        text,
        { id: subjectKeyId(key), key, nonce: randomBytes(12) },
        { decision: id, field },
      )
    const record = {
      ...plain,
      id,
      identity: { ...plain.identity, subject: encrypted(subject, 'identity.subject') },
      policy: { ...plain.policy, input: encrypted(`{"sub":"${subject}"}`, 'policy.input') },
      principal: encrypted(subject, 'principal'),
      pseudonym: pseudonymOf(subject, pseudonymKey),
      source: { address: encrypted('203.0.113.7', 'source.address') },
    }
    const json = encodeRecord(record, { instance, epoch, n: lines.length + 1 })
    const previous = lines.at(-1)?.hash ?? genesisHash(instance, epoch)
    const line = parseJournalLine(`${chainHash(previous, json)} ${json}`) as DecisionLine
    lines.push(line)
    return line
  }

  /** The key of a subject. */
  key(subject: string): Buffer {
    const key = this.#keys.get(subject) ?? randomBytes(32)
    this.#keys.set(subject, key)
    return key
  }
}

/** A key store as `verdict audit personal-keys` begins it. */
function newKeyStore(dir: string): void {
  mkdirSync(dir, { recursive: true })
  const files = [
    { kind: 'sealing', fromMs: MADE_MS, pair },
    { kind: 'pseudonym', fromMs: MADE_MS, pseudonym: pseudonymKey },
  ] as const
  for (const file of files) {
    const { name, text } = encodePersonalKeyFile(file)
    writeFileSync(path.join(dir, name), text)
  }
}

async function opened(dir: string, keysDir: string) {
  const keys = new KeyStore(keysDir)
  const store = await Store.open({ dir, personal: new PersonalReader(keys) })
  const stack = new DisposableStack()
  stack.use(keys)
  stack.use(store)
  const record = (message: TestMessage): void => {
    const given = subjectKeysIn(message.data)
    if (given.length > 0) keys.take(given)
    store.record(message)
  }
  const principals = (): string[] => {
    const { entries } = store.follow({}, { after: 0, limit: 100 })
    return entries.map(({ json }) => JSON.parse(json).principal)
  }
  const erasures = new Erasures(keys, store)
  const close = (): void => stack.dispose()
  return { keys, store, erasures, record, principals, close, [Symbol.dispose]: close }
}

/** The bytes of every file below a folder. */
function bytesIn(dir: string): Buffer {
  const names = readdirSync(dir, { recursive: true, withFileTypes: true })
  const files = names.filter((entry) => entry.isFile())
  return Buffer.concat(files.map((file) => readFileSync(path.join(file.parentPath, file.name))))
}

test('a backup that is restored can not be read where the subject was erased, and all verifies', async () => {
  await using scratch = temporaryDirectory()
  const at = (name: string): string => path.join(scratch.path, name)
  newKeyStore(at('keys'))
  const point = new DecisionPoint()
  const messages = [point.message(['alice', 'bob'], 1), point.message(['alice', 'bob', 'bob'], 2)]
  const ids = point.journal.lines.map(({ record }) => record.id)
  const receipts: string[] = []
  let rootBefore: Uint8Array
  let vkey: string
  {
    using before = await opened(at('log'), at('keys'))
    for (const message of messages) before.record(message)
    expect(before.principals()).toEqual(['alice', 'bob', 'alice', 'bob', 'bob'])
    const { entries } = await before.store.page({ principal: 'alice' }, { limit: 10 })
    expect(entries.map(({ index }) => index)).toEqual([3, 1])
    expect(entries[0]?.opened).toEqual([
      ...['identity.subject', 'policy.input', 'principal', 'source.address'],
    ])
    for (const id of ids) receipts.push((await before.store.receipt(id)) as string)
    rootBefore = before.store.published.root
    vkey = before.store.verifierKey
  }
  expect(bytesIn(at('keys')).includes(point.key('alice'))).toBe(true)
  // Nothing of the log and its index names anybody: the whole of it is in the backup.
  expect(bytesIn(at('log')).includes('alice')).toBe(false)
  cpSync(at('log'), at('backup'), { recursive: true })
  {
    using now = await opened(at('log'), at('keys'))
    const given = { atMs: ERASED_MS, reason: 'request 17', decision: 'd-1' }
    const erased = now.erasures.erase('alice', given)
    const size = now.store.published.size
    expect(bytesIn(at('keys')).includes(point.key('alice'))).toBe(false)
    expect(bytesIn(at('keys')).includes(point.key('bob'))).toBe(true)
    expect(erased).toMatchObject({ keys: { count: 1 }, decision: 'd-1', reason: 'request 17' })
    expect(erased.leaf).toBeGreaterThanOrEqual(size - 1)
    expect(now.store.notes('erasure')).toEqual([
      expect.objectContaining({ pseudonyms: [pseudonymOf('alice', pseudonymKey)] }),
    ])
    expect(now.principals().filter((name) => name === 'bob')).toHaveLength(3)
    expect(now.principals().filter((name) => name.startsWith('enc:'))).toHaveLength(2)
  }
  using restored = await opened(at('backup'), at('keys'))
  // Also what the stream still holds, or its backup, brings no key back.
  for (const { data } of messages) restored.keys.take(subjectKeysIn(data))
  for (const message of messages) restored.record(message)
  const names = restored.principals()
  expect(names).toHaveLength(5)
  expect(names.filter((name) => name === 'bob')).toHaveLength(3)
  for (const [index, name] of names.entries()) {
    if (name !== 'bob') expect(restored.store.find(ids[index] ?? '')?.json).not.toContain('alice')
  }
  expect(restored.store.lastIndex).toBe(5)
  expect(Buffer.from(restored.store.published.root)).toEqual(Buffer.from(rootBefore))
  const trust = parseTrustPolicy(`log ${vkey}\nquorum none\n`)
  for (const [at, { hash, json, record }] of point.journal.lines.entries()) {
    const leaf = decisionLeaf({ hash, json, record })
    expect(verifyTlogProof(receipts[at] ?? '', leafHash(leaf), trust)).toBeDefined()
    const again = (await restored.store.receipt(ids[at] ?? '')) as string
    expect(verifyTlogProof(again, leafHash(leaf), trust)).toBeDefined()
  }
})

test('a key store that is restored has no key again that the log says to be destroyed', async () => {
  await using scratch = temporaryDirectory()
  const at = (name: string): string => path.join(scratch.path, name)
  newKeyStore(at('keys'))
  const messages = [new DecisionPoint().message(['alice', 'bob'], 1)] as const
  {
    using store = await opened(at('log'), at('keys'))
    store.record(messages[0])
  }
  cpSync(at('keys'), at('keys-backup'), { recursive: true })
  {
    using store = await opened(at('log'), at('keys'))
    store.erasures.erase('alice', { atMs: ERASED_MS, reason: 'r' })
  }
  using store = await opened(at('log'), at('keys-backup'))
  expect(store.principals().map((name) => name.slice(0, 4))).toEqual(['enc:', 'bob'])
})

test('an erasure that a crash has kept from the log is in it after the next start', async () => {
  await using scratch = temporaryDirectory()
  const at = (name: string): string => path.join(scratch.path, name)
  newKeyStore(at('keys'))
  {
    using store = await opened(at('log'), at('keys'))
    store.record(new DecisionPoint().message(['alice'], 1))
    store.keys.erase('alice', { atMs: ERASED_MS, reason: 'r' })
  }
  using store = await opened(at('log'), at('keys'))
  expect(store.store.notes('erasure')).toHaveLength(1)
  expect(store.keys.pending()).toEqual([])
})

test('whoever comes back after the erasure can be read, with keys that were made since', async () => {
  await using scratch = temporaryDirectory()
  const at = (name: string): string => path.join(scratch.path, name)
  newKeyStore(at('keys'))
  using store = await opened(at('log'), at('keys'))
  store.erasures.erase('alice', { atMs: ERASED_MS, reason: 'r' })
  const before = new DecisionPoint()
  store.record(before.message(['alice'], 1))
  expect(store.principals()[0]).toMatch(/^enc:/)
  const after = new DecisionPoint(ERASED_MS + 1)
  after.journal.lines.push(...before.journal.lines)
  store.record(after.message(['alice'], 2))
  expect(store.principals()[1]).toBe('alice')
  rmSync(at('keys'), { recursive: true })
})
