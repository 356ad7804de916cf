import { randomBytes } from 'node:crypto'
import {
  type Decision,
  decryptText,
  encodeRecord,
  PERSONAL_FIELDS_DEFAULT,
  RECORD_INPUT_BYTES_MAX,
  RECORD_TEXT_BYTES_MAX,
} from '@verdict/contract'
import { expect, test } from 'vitest'
import { decisionAbout } from '../../test/decision-about.ts'
import { PersonalRecords } from './personal-records.ts'
import { SubjectKey, SubjectKeys } from './subject-keys.ts'

const POSITION = { instance: 'authz-1', epoch: 1, n: 1 }
const key = randomBytes(32)
const subjects: string[] = []
const pseudonymFor = (subject: string): string => `psn:1:${subject.length}`
const records = new PersonalRecords(
  {
    of: (subject) => {
      subjects.push(subject)
      const sealed = { at: 1, id: 'i'.repeat(16), sealed: '', sealing: '' }
      return new SubjectKey(key, { ...sealed, pseudonym: pseudonymFor(subject) })
    },
  },
  [...PERSONAL_FIELDS_DEFAULT, 'request.path'],
)

/** As it is written down. */
async function written(decision: Decision): Promise<Decision> {
  return JSON.parse(encodeRecord(await records.protect(decision), POSITION))
}

function read(decision: Decision, field: string, text: string | undefined): string | undefined {
  return decryptText(text ?? '', key, { decision: decision.id, field })
}

test('every field that names a person is encrypted, and nothing else', async () => {
  const decision = decisionAbout('alice', {
    source: { address: '10.0.0.1', principal: 'CN=alice' },
  })
  const record = await written(decision)
  expect(JSON.stringify(record)).not.toMatch(/alice|10\.0\.0\.1|orders/)
  const { identity, policy, principal, pseudonym, request, source, ...others } = record
  expect(pseudonym).toBe(pseudonymFor('alice'))
  expect(read(decision, 'principal', principal)).toBe('alice')
  expect(read(decision, 'identity.subject', identity.subject)).toBe('alice')
  expect(read(decision, 'source.address', source.address)).toBe('10.0.0.1')
  expect(read(decision, 'source.principal', source.principal)).toBe('CN=alice')
  expect(read(decision, 'policy.input', policy.input)).toBe('{"subject":"alice"}')
  expect(read(decision, 'request.path', request.path)).toBe('/orders/7')
  expect(others).toMatchObject({ id: decision.id, outcome: 'allow', reason: 'because', v: 1 })
  expect(decision.principal).toBe('alice')
})

test('without a name the address is the subject, and the principal says that there was none', async () => {
  const identity = { status: 'anonymous' } as const
  const decision = decisionAbout('x', { identity, principal: 'anonymous' })
  const record = await written(decision)
  expect(subjects.at(-1)).toBe('10.0.0.1')
  expect(record.principal).toBe('anonymous')
  expect(read(decision, 'source.address', record.source.address)).toBe('10.0.0.1')
  const none = decisionAbout('x', { identity, principal: 'anonymous', source: {} })
  expect(await written(none)).toEqual({ ...none, ...POSITION, v: 1 })
})

test('what is long is cut before it is encrypted, and an input is left out whole', async () => {
  const long = 'ä'.repeat(RECORD_TEXT_BYTES_MAX)
  const input = JSON.stringify('a'.repeat(RECORD_INPUT_BYTES_MAX - 100))
  const policy = { entrypoint: 'p/allow', input, revision: 'r' }
  const decision = decisionAbout(long, { policy })
  const record = await written(decision)
  const principal = read(decision, 'principal', record.principal) ?? ''
  expect(principal).toMatch(/^ä{1000,}…$/)
  expect(record.policy).toEqual({ entrypoint: 'p/allow', inputOmitted: true, revision: 'r' })
})

test('a subject has one key a day in a process, and never one nonce twice', async () => {
  let now = Date.parse('2026-11-20T23:59:59Z')
  const kept: string[] = []
  const made = new SubjectKeys({
    keys: () => ({
      pseudonym: { period: '1', key: randomBytes(32) },
      sealingKey: 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAk',
    }),
    keep: async ({ id }) => void kept.push(id),
    now: () => now,
  })
  const [first, again] = await Promise.all([made.of('alice'), made.of('alice')])
  expect(again).toBe(first)
  expect(made.of('alice')).toBe(first)
  expect(Buffer.compare(first.nonce, first.nonce)).not.toBe(0)
  expect((await made.of('bob')).id).not.toBe(first.id)
  now += 1_000
  expect((await made.of('alice')).id).not.toBe(first.id)
  expect(new Set(kept).size).toBe(3)
})

test('where a key can not be kept, the next record of the subject tries again', async () => {
  let fails: boolean = true
  const made = new SubjectKeys({
    keys: () => ({
      pseudonym: { period: '1', key: randomBytes(32) },
      sealingKey: 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAk',
    }),
    keep: async () => {
      if (fails) throw new Error('full')
    },
  })
  await expect(made.of('alice')).rejects.toThrow('full')
  fails = false
  expect(await made.of('alice')).toBeInstanceOf(SubjectKey)
})
