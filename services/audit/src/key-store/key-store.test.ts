import { randomBytes } from 'node:crypto'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import {
  encodePersonalKeyFile,
  encodeSubjectKeys,
  newSealingKeys,
  type SealedSubjectKey,
  type SealingKeyPair,
  sealSubjectKey,
} from '@verdict/contract'
import { temporaryDirectory } from '@verdict/kit'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import { SEALING_KEY_GRACE_MS } from './key-folder.ts'
import { subjectKeysIn } from './key-lines.ts'
import { KeyStore } from './key-store.ts'

const FROM_MS = Date.parse('2026-03-01T00:00:00Z')

let dir: string

beforeEach(() => {
  const scratch = temporaryDirectory()
  onTestFinished(async () => await scratch[Symbol.asyncDispose]())
  dir = path.join(scratch.path, 'keys')
  mkdirSync(dir)
})

function add(pair: SealingKeyPair, fromMs = FROM_MS): void {
  const { name, text } = encodePersonalKeyFile({ kind: 'sealing', fromMs, pair })
  writeFileSync(path.join(dir, name), text)
}

function sealed(to: SealingKeyPair, parts: { at?: number; pseudonym?: string } = {}) {
  const { at = FROM_MS, pseudonym = 'psn:1:a' } = parts
  return sealSubjectKey(randomBytes(32), { at, pseudonym, to: to.publicKey })
}

test('a key that was sealed is there when it was taken, once, and again after a restart', () => {
  const pair = newSealingKeys()
  add(pair)
  const key = sealed(pair)
  {
    using store = new KeyStore(dir)
    expect(store.take([key, key])).toMatchObject({ taken: 2, refused: 0 })
    expect(store.key('another')).toBeUndefined()
  }
  using store = new KeyStore(dir)
  expect(store.key(key.id)).toHaveLength(32)
})

test('what claims to be a key and is none is refused, and the others are taken', () => {
  const pair = newSealingKeys()
  add(pair)
  using store = new KeyStore(dir)
  const key = sealed(pair)
  const given: unknown[] = [{ ...sealed(pair), pseudonym: 'psn:1:b' }, null, { id: 1 }, 'x', key]
  expect(store.take(given)).toEqual({ taken: 1, erased: 0, unopened: 0, refused: 4 })
  expect(store.key(key.id)).toBeDefined()
})

test('a key to a rotation that has not come yet waits for it', () => {
  using store = new KeyStore(dir)
  const pair = newSealingKeys()
  const key = sealed(pair)
  expect(store.take([key])).toMatchObject({ unopened: 1 })
  expect(store.unopened).toBe(1)
  add(pair)
  expect(store.take([sealed(pair)])).toMatchObject({ taken: 1 })
  store.openAgain()
  expect(store.unopened).toBe(0)
  expect(store.key(key.id)).toBeDefined()
})

test('a private key is destroyed when its successor is older than the stream, and opens nothing', () => {
  const [first, second] = [newSealingKeys(), newSealingKeys()]
  add(first, FROM_MS)
  add(second, FROM_MS + 1_000)
  using store = new KeyStore(dir)
  const before = sealed(first)
  store.take([before])
  expect(store.destroyRetired(FROM_MS + 1_000 + SEALING_KEY_GRACE_MS)).toBe(0)
  expect(store.destroyRetired(FROM_MS + 1_001 + SEALING_KEY_GRACE_MS)).toBe(1)
  expect(store.destroyRetired(Number.MAX_SAFE_INTEGER)).toBe(0)
  expect(readdirSync(dir).filter((name) => name.startsWith('sealing-'))).toHaveLength(1)
  expect(store.take([sealed(first)])).toMatchObject({ unopened: 1 })
  expect(store.take([sealed(second)])).toMatchObject({ taken: 1 })
  expect(store.key(before.id)).toBeDefined()
})

test('a private key that was about to be destroyed in a crash is gone after it', () => {
  const pair = newSealingKeys()
  const { name, text } = encodePersonalKeyFile({ kind: 'sealing', fromMs: FROM_MS, pair })
  writeFileSync(path.join(dir, `${name}.gone`), text)
  using store = new KeyStore(dir)
  expect(readdirSync(dir).filter((file) => file.endsWith('.gone'))).toEqual([])
  expect(store.take([sealed(pair)])).toMatchObject({ unopened: 1 })
})

test('the keys of a message are in the lines before its first record, and only there', () => {
  const keys: SealedSubjectKey[] = [sealed(newSealingKeys()), sealed(newSealingKeys())]
  const line = encodeSubjectKeys(keys)
  const record = `${'h'.repeat(43)} {"a":1}`
  const lines = (...all: string[]): Buffer => Buffer.from(all.map((one) => `${one}\n`).join(''))
  expect(subjectKeysIn(lines('{"journalKey":{},"v":1}', line, record))).toEqual(keys)
  expect(subjectKeysIn(lines(record, line))).toEqual([])
  expect(subjectKeysIn(lines('{"subjectKeys":', record))).toEqual([])
  expect(subjectKeysIn(Buffer.from('{"subjectKeys":[1]'))).toEqual([])
  expect(subjectKeysIn(Buffer.alloc(0))).toEqual([])
})
