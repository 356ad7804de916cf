import { appendFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import {
  decryptText,
  encodeRecord,
  newSealingKeys,
  openSubjectKey,
  parseControlLine,
  type SealedSubjectKey,
} from '@verdict/contract'
import { temporaryDirectory } from '@verdict/kit'
import { afterEach, expect, test, vi } from 'vitest'
import { decisionAbout } from '../../test/decision-about.ts'
import { PersonalRecords } from './personal-records.ts'
import { SealedKeys } from './sealed-keys.ts'
import { SubjectKeys } from './subject-keys.ts'

const audit = newSealingKeys()
const keys = {
  pseudonym: { period: '1', key: Buffer.alloc(32, 1) },
  sealingKey: audit.publicKey,
}
const FIELDS = ['principal', 'identity.subject', 'policy.input'] as const

afterEach(() => vi.useRealTimers())

/** What a decision point writes about subjects, and the keys beside its journal. */
async function decisionPoint(dir: string, journal = { lastDurable: 0, shipped: 0 }) {
  const sealed = await SealedKeys.open(dir, journal)
  const subjects = new SubjectKeys({ keys: () => keys, keep: (key) => sealed.keep(key) })
  const records = new PersonalRecords(subjects, FIELDS)
  const line = async (subject: string): Promise<Buffer> => {
    const decision = await records.protect(decisionAbout(subject))
    const position = { instance: 'authz-1', epoch: 1, n: 1 }
    return Buffer.from(`${'h'.repeat(43)} ${encodeRecord(decision, position)}\n`)
  }
  return { sealed, line, [Symbol.asyncDispose]: () => sealed[Symbol.asyncDispose]() }
}

function keysOf(line: string | undefined): SealedSubjectKey[] {
  const control = parseControlLine(line ?? '{}')
  return control.kind === 'subjectKeys' ? (control.subjectKeys as SealedSubjectKey[]) : []
}

test('a record that comes again brings its keys along, although they were stored', async () => {
  await using scratch = temporaryDirectory()
  const dir = join(scratch.path, 'keys')
  let [alice, sealed]: [Buffer, SealedSubjectKey[]] = [Buffer.of(), []]
  {
    await using point = await decisionPoint(dir)
    const [first] = await Promise.all([point.line('alice'), point.line('bob')])
    alice = first
    sealed = keysOf(point.sealed.lineFor(alice))
    point.sealed.stored(alice)
    expect((await point.sealed.linesAgain(alice)).flatMap(keysOf)).toEqual(sealed)
  }
  await using again = await decisionPoint(dir)
  expect(again.sealed.lineFor(alice)).toBeUndefined()
  expect((await again.sealed.linesAgain(alice)).flatMap(keysOf)).toEqual(sealed)
  expect(await again.sealed.linesAgain(Buffer.from('nobody'))).toEqual([])
})

test('a message carries the keys that its records need, until one with them is stored', async () => {
  await using scratch = temporaryDirectory()
  await using point = await decisionPoint(join(scratch.path, 'keys'))
  const [alice, bob] = await Promise.all([point.line('alice'), point.line('bob')])
  expect(alice.includes('alice')).toBe(false)
  const sealed = keysOf(point.sealed.lineFor(alice))
  expect(sealed).toHaveLength(1)
  expect(keysOf(point.sealed.lineFor(Buffer.concat([alice, bob])))).toHaveLength(2)
  point.sealed.stored(alice)
  expect(point.sealed.lineFor(alice)).toBeUndefined()
  expect(point.sealed.waiting).toBe(1)
  const [first] = sealed
  const key = first && openSubjectKey(first, audit)
  const record = JSON.parse(alice.toString().slice(44))
  const place = { decision: record.id, field: 'principal' }
  expect(decryptText(record.principal, key ?? Buffer.alloc(32), place)).toBe('alice')
  expect(record.pseudonym).toBe(first?.pseudonym)
})

test('after a crash the keys of what is in the journal are there, also behind a torn line', async () => {
  await using scratch = temporaryDirectory()
  const dir = join(scratch.path, 'keys')
  const lines: Buffer[] = []
  {
    await using point = await decisionPoint(dir)
    lines.push(await point.line('alice'))
  }
  for (const name of readdirSync(dir)) appendFileSync(join(dir, name), '{"at":17,"id":"to')
  {
    await using point = await decisionPoint(dir)
    lines.push(await point.line('alice'))
  }
  const journal = { lastDurable: 2, shipped: 0 }
  const both = Buffer.concat(lines)
  await using point = await decisionPoint(dir, journal)
  expect(keysOf(point.sealed.lineFor(both))).toHaveLength(2)
  expect(point.sealed.waiting).toBe(0)
  point.sealed.stored(both)
  expect(keysOf(point.sealed.lineFor(both))).toHaveLength(2)
  journal.shipped = 2
  point.sealed.stored(both)
  expect(point.sealed.lineFor(both)).toBeUndefined()
})

test('keys go when the records of their day are covered, and not before', async () => {
  await using scratch = temporaryDirectory()
  const dir = join(scratch.path, 'keys')
  const journal = { lastDurable: 0, shipped: 0 }
  vi.useFakeTimers({ toFake: ['Date'], now: Date.parse('2026-11-20T10:00:00Z') })
  await using point = await decisionPoint(dir, journal)
  for (const day of [20, 21, 22]) {
    vi.setSystemTime(Date.parse(`2026-11-${day}T10:00:00Z`))
    await point.line('alice')
    journal.lastDurable += 10
  }
  await point.sealed.release(19)
  expect(readdirSync(dir)).toHaveLength(3)
  await point.sealed.release(20)
  expect(readdirSync(dir)).toEqual(['2026-11-21.keys', '2026-11-22.keys'])
  expect(point.sealed.waiting).toBe(2)
})

test('keys that can not be written are a fault, and so is the record', async () => {
  await using scratch = temporaryDirectory()
  await using point = await decisionPoint(join(scratch.path, 'keys'))
  const refused = expect.objectContaining({ code: 'subject_keys_failed' })
  await scratch[Symbol.asyncDispose]()
  await expect(point.line('alice')).rejects.toThrow(refused)
})
