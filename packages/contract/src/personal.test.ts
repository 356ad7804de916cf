import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { RECORD_TEXT_BYTES_MAX } from './decision-record.ts'
import { parseControlLine } from './journal-control.ts'
import { encodePersonalKeys, parsePersonalKeys } from './personal-keys.ts'
import {
  encodeSubjectKeys,
  isSealedSubjectKey,
  newSealingKeys,
  openSubjectKey,
  sealSubjectKey,
  subjectKeyId,
} from './personal-seal.ts'
import {
  decryptText,
  encryptableBytes,
  encryptText,
  keyIdsIn,
  pseudonymOf,
} from './personal-text.ts'

const key = randomBytes(32)
const id = subjectKeyId(key)
const place = { decision: 'd-1', field: 'identity.subject' }
const encrypted = (text: string): string =>
  encryptText(text, { id, key, nonce: randomBytes(12) }, place)

test('a text is read with its key, at its place, and nowhere else', () => {
  const text = encrypted('Alice Ä. \u{1f600}')
  expect(text).toMatch(/^enc:[\w-]{16}:[\w-]+$/)
  expect(decryptText(text, key, place)).toBe('Alice Ä. \u{1f600}')
  expect(decryptText(text, randomBytes(32), place)).toBeUndefined()
  expect(decryptText(text, key, { ...place, field: 'principal' })).toBeUndefined()
  expect(decryptText(text, key, { ...place, decision: 'd-2' })).toBeUndefined()
  expect(decryptText(`${text.slice(0, -2)}AA`, key, place)).toBeUndefined()
  expect(decryptText('enc:no', key, place)).toBeUndefined()
})

test('the keys of lines are found, and the longest text still fits into a record', () => {
  const longest = encrypted('a'.repeat(encryptableBytes(RECORD_TEXT_BYTES_MAX - 2)))
  expect(JSON.stringify(longest).length).toBeLessThanOrEqual(RECORD_TEXT_BYTES_MAX)
  expect(JSON.stringify(longest).length).toBeGreaterThan(RECORD_TEXT_BYTES_MAX - 8)
  expect(keyIdsIn(`x {"principal":"${longest}"}\ny {"a":"${longest}"}\n`)).toEqual(new Set([id]))
})

test('a sealed key travels in a control line and opens for its recipient alone', () => {
  const audit = newSealingKeys()
  const sealed = sealSubjectKey(key, { at: 17, pseudonym: 'psn:1:x', to: audit.publicKey })
  const line = parseControlLine(encodeSubjectKeys([sealed]))
  expect(line).toMatchObject({ kind: 'subjectKeys', subjectKeys: [sealed] })
  expect(isSealedSubjectKey(sealed)).toBe(true)
  expect(isSealedSubjectKey({ ...sealed, id: '' })).toBe(false)
  expect(openSubjectKey(sealed, audit)).toEqual(key)
  expect(openSubjectKey(sealed, newSealingKeys())).toBeUndefined()
  const stranger = newSealingKeys()
  expect(openSubjectKey(sealed, { ...audit, privateKey: stranger.privateKey })).toBeUndefined()
})

test('nobody can change for whom, since when, or as what a key counts', () => {
  const audit = newSealingKeys()
  const sealed = sealSubjectKey(key, { at: 17, pseudonym: 'psn:1:x', to: audit.publicKey })
  const other = subjectKeyId(randomBytes(32))
  const changes = [{ at: 18 }, { pseudonym: 'psn:1:y' }, { id: other }, { sealed: 'AAAA' }]
  for (const change of changes) {
    expect(openSubjectKey({ ...sealed, ...change }, audit)).toBeUndefined()
  }
})

test('pseudonyms differ by subject and by period, and stay the same otherwise', () => {
  const first = { period: '1', key: randomBytes(32) }
  const second = { period: '2', key: randomBytes(32) }
  expect(pseudonymOf('alice', first)).toBe(pseudonymOf('alice', first))
  expect(pseudonymOf('alice', first)).toMatch(/^psn:1:[\w-]{43}$/)
  expect(pseudonymOf('alice', first)).not.toBe(pseudonymOf('bob', first))
  expect(pseudonymOf('alice', first).slice(6)).not.toBe(pseudonymOf('alice', second).slice(6))
})

test('the file of decision points is read as it was written, and what is none is refused', () => {
  const { publicKey } = newSealingKeys()
  const keys = { pseudonym: { period: '2026-11', key: randomBytes(32) }, sealingKey: publicKey }
  const text = encodePersonalKeys(keys)
  expect(parsePersonalKeys(text)).toEqual(keys)
  const broken = [
    'no JSON',
    '[]',
    text.replace('"v":1', '"v":2'),
    text.replace('2026-11', ''),
    text.replace(publicKey, 'AAAA'),
  ]
  for (const one of broken) {
    const refused = expect.objectContaining({ code: 'malformed_personal_keys' })
    expect(() => parsePersonalKeys(one)).toThrow(refused)
  }
})
