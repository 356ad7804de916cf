import { hash } from 'node:crypto'
import { TestJournal, TestSealKey, tampered } from '@verdict/kit'
import { expect, test } from 'vitest'
import type { JournalLine } from '../journal-line.ts'
import { CompletenessCheck } from './completeness.ts'
import { LogContradiction } from './errors.ts'
import { RecordCheck } from './record-check.ts'

const EPOCH = Date.parse('2026-03-01T00:00:00Z')
const HOUR_MS = 3_600_000
const OF = { instance: 'authz-1', epoch: EPOCH }

const senseless = '{"finding":{"evidence":null,"kind":"gap"},"v":1}'

/** The leaves of a log that is as it should be: a key, then messages of lines, each with its seal. */
function whole(count = 6, perMessage = 2) {
  const journal = new TestJournal('authz-1', EPOCH)
  const leaves = [journal.key.line(OF)]
  for (let n = 0; n < count; n += perMessage) {
    for (let i = 0; i < perMessage; i++) {
      leaves.push(text(journal.append({ timeMs: EPOCH + (n + i + 1) * HOUR_MS })))
    }
    leaves.push(sealOf(journal))
  }
  return { journal, leaves }
}

function text({ hash, json }: JournalLine): string {
  return `${hash} ${json}`
}

function sealOf(
  journal: TestJournal,
  line: JournalLine | undefined = journal.lines.at(-1),
): string {
  if (line === undefined) throw new Error('nothing to seal')
  return journal.key.seal({ n: line.record.n, hash: line.hash }, OF)
}

function finding(kind: string, places: { from?: number; to?: number } = {}): string {
  const { from, to } = places
  const place = { ...(from && { from }), instance: 'authz-1' }
  const rest = {
    key: `${kind} ${EPOCH} ${from} authz-1`,
    kind,
    noticedAt: 'x',
    seq: 1,
    ...(to && { to }),
  }
  return JSON.stringify({ finding: { detail: 'd', epoch: EPOCH, ...place, ...rest }, v: 1 })
}

function checked(leaves: readonly string[], check = new RecordCheck()): RecordCheck {
  for (const [i, leaf] of leaves.entries()) check.take(Buffer.from(leaf), i)
  check.end()
  return check
}

function found(leaves: readonly string[]): unknown {
  try {
    checked(leaves)
    return undefined
  } catch (error) {
    if (!(error instanceof LogContradiction)) throw error
    return [error.code, error.from]
  }
}

test('a log that is as it should be is counted', () => {
  const { leaves } = whole()
  const check = checked(leaves)
  expect(check.counts).toMatchObject({ leaves: 10, decisions: 6, seals: 3, findings: {} })
  expect(check.journals()).toMatchObject([{ ...OF, records: 6, sealed: 6, gaps: [] }])
})

test.each<[string, (leaves: string[], journal: TestJournal) => void, string, number]>([
  ['a record is changed', (all) => change(all, 2, 'alice', 'mallory'), 'chain_broken', 2],
  ['a record is dropped', (all) => all.splice(2, 1), 'seal_wrong', 2],
  ['a message is dropped', (all) => all.splice(4, 3), 'gap_hidden', 4],
  ['two records are swapped', swap, 'gap_hidden', 1],
  ['a record is there twice', (all) => all.push(all[1] ?? ''), 'place_twice', 10],
  ['the last seal is cut off', (all) => all.pop(), 'record_unsealed', 7],
  [
    'a seal is by another key',
    (all, journal) => all.splice(3, 1, foreign(journal)),
    'seal_wrong',
    3,
  ],
  ['the key is not there', (all) => all.shift(), 'seal_wrong', 2],
  [
    'a key has a wrong signature',
    (all) => change(all, 0, '"from":1', '"from":2'),
    'key_unendorsed',
    0,
  ],
  ['a gap is found that is none', (all) => all.splice(4, 0, gap(1, 2)), 'finding_false', 4],
  ['keys are not sorted', (all) => change(all, 3, '"v":1}', '"v":1,"a":2}'), 'leaf_malformed', 3],
  [
    'a number is written otherwise',
    (all) => change(all, 2, '"v":1', '"v":1.0'),
    'leaf_malformed',
    2,
  ],
  ['a finding makes no sense', (all) => all.push(senseless), 'leaf_malformed', 10],
  ['a seal makes no sense', (all) => all.push('{"seal":{},"v":1}'), 'leaf_malformed', 10],
  ['it is no record', (all) => all.splice(2, 0, 'nothing'), 'leaf_malformed', 2],
])('it is found that %s', (_what, tamper, code, at) => {
  const { leaves, journal } = whole()
  tamper(leaves, journal)
  expect(found(leaves)).toEqual([code, at])
})

test('records that somebody made up behind the journal are found by their seal', () => {
  const { leaves, journal } = whole()
  const forged = journal.append({ principal: 'nobody' })
  const other = new TestSealKey('other').seal({ n: forged.record.n, hash: forged.hash }, OF)
  expect(found([...leaves, text(forged)])).toEqual(['record_unsealed', 10])
  expect(found([...leaves, text(forged), other])).toEqual(['seal_wrong', 11])
})

test('what the log itself tells of is no contradiction', () => {
  const { leaves, journal } = whole(2)
  const lines = journal.appendAll(3, { timeMs: EPOCH + HOUR_MS })
  const [, , last] = lines
  if (last === undefined) throw new Error('no line')
  const broken = text(tampered(last, 'alice', 'mallory'))
  const said = [gap(3, 4), broken, finding('unsealed', { from: 5, to: 5 })]
  expect(checked([...leaves, ...said]).journals()).toMatchObject([
    { gaps: [{ from: 3, to: 4 }], records: 3, sealed: 2 },
  ])
  // As soon as the gap is closed its end can be verified, and then it has to be told of.
  const closing = [...lines.slice(0, 2).map(text), sealOf(journal, lines[1])]
  expect(found([...leaves, ...said, ...closing])).toEqual(['chain_broken', 8])
  const told = [...closing, finding('broken_chain', { from: 5, to: 5 }), resolved(3)]
  expect(checked([...leaves, ...said, ...told]).journals()).toMatchObject([{ gaps: [] }])
})

test('a gap is not closed because the log says so', () => {
  const { leaves, journal } = whole(2)
  const [, third] = journal.appendAll(2)
  const said = [gap(3, 3), text(third as JournalLine), sealOf(journal, third)]
  expect(found([...leaves, ...said])).toBeUndefined()
  expect(found([...leaves, ...said, resolved(3)])).toEqual(['finding_false', 7])
})

test('a key that the one before endorses takes over, and an older one seals nothing more', () => {
  const { leaves, journal } = whole(2)
  const next = new TestSealKey('next')
  const line = journal.append()
  const { n } = line.record
  const by = (key: TestSealKey): string => key.seal({ n, hash: line.hash }, OF)
  const rotation = next.line(OF, { from: 3, previous: journal.key })
  expect(found([...leaves, rotation, text(line), by(next)])).toBeUndefined()
  expect(found([...leaves, rotation, text(line), by(journal.key)])).toEqual(['seal_wrong', 6])
  const check = checked([...leaves, next.line(OF, { from: 3 }), text(line), by(next)])
  expect(check.keysOf('authz-1')?.unendorsed).toEqual([next.key])
})

test('what was lost is sent again in messages of another size, under the key of the day', () => {
  const { leaves, journal } = whole(2)
  const lines = journal.appendAll(8)
  const [third, fourth, ...later] = lines.map(text)
  const place = (n: number) => ({ n, hash: journal.lines[n - 1]?.hash ?? '' })
  const next = new TestSealKey('next')
  const rotation = next.line(OF, { from: 9, previous: journal.key })
  const arrived = [...leaves, gap(3, 4), ...later.slice(0, 4), journal.key.seal(place(8), OF)]
  const under = [...arrived, rotation, ...later.slice(4), next.seal(place(10), OF)]
  // A message with places 3 to 6, of which two are new.
  const again = (key: TestSealKey): string[] => {
    return [...under, third ?? '', fourth ?? '', resolved(3), key.seal(place(6), OF)]
  }
  expect(checked(again(next)).journals()).toMatchObject([{ gaps: [], records: 10, sealed: 10 }])
  expect(found(again(new TestSealKey('other')))).toEqual(['seal_wrong', under.length + 3])
  // The older key seals nothing from the newer one's first place on.
  expect(found([...under, journal.key.seal(place(10), OF)])).toEqual(['seal_wrong', under.length])
  const between = [...under, third ?? '', next.seal(place(6), OF)]
  expect(found(between)).toEqual(['record_unsealed', under.length])
})

test('the evidence of a finding is what the finding tells of', () => {
  const { leaves } = whole(2)
  const bytes = Buffer.from('what came')
  const evidence = JSON.stringify({ evidence: bytes.toString('base64'), v: 1 })
  const about = (sha256: string): string => {
    const of = { bytes: bytes.length, leaves: 1, sha256 }
    const said = { detail: 'd', evidence: of, key: 'k', kind: 'malformed_batch', seq: 1 }
    return JSON.stringify({ finding: said, v: 1 })
  }
  const right = about(hash('sha256', bytes, 'hex'))
  expect(found([...leaves, right, evidence])).toBeUndefined()
  expect(found([...leaves, about('0'.repeat(64)), evidence])).toEqual(['evidence_differs', 4])
  expect(found([...leaves, right])).toEqual(['evidence_differs', 4])
  expect(found([...leaves, evidence])).toEqual(['evidence_differs', 4])
})

test('behind leaves that were removed a journal goes on where the log says that it stands', () => {
  const { leaves, journal } = whole(4)
  const [, second] = journal.lines
  const head = { dropped: 0, ...OF, hash: second?.hash, last: 2, sealed: 2, seenAtMs: EPOCH }
  const sorted = Object.fromEntries(Object.entries(head).toSorted(([a], [b]) => (a < b ? -1 : 1)))
  const chains = JSON.stringify({ chains: { heads: [sorted] }, v: 1 })
  const rest = [chains, leaves[0] ?? '', ...leaves.slice(4)]
  const cut = new RecordCheck()
  cut.cut()
  expect(checked(rest, cut).journals()).toMatchObject([
    { gaps: [], removed: [{ from: 1, to: 2 }], records: 2, sealed: 2 },
  ])
  // Nothing was removed: then nothing may be left out.
  expect(found(rest)).toEqual(['finding_false', 0])
  const changed = [...rest.slice(0, 2), ...leaves.slice(5)]
  const again = new RecordCheck()
  again.cut()
  expect(() => checked(changed, again)).toThrow(expect.objectContaining({ code: 'gap_hidden' }))
})

test('it says of an instance whether anything is missing between two times', () => {
  const { leaves, journal } = whole(6)
  const question = { instance: 'authz-1', fromMs: EPOCH + 2 * HOUR_MS, toMs: EPOCH + 4 * HOUR_MS }
  const answer = (all: readonly string[]) => {
    const completeness = new CompletenessCheck(question)
    return completeness.answer(checked(all, new RecordCheck({ onRecord: completeness.take })))
  }
  expect(answer(leaves)).toMatchObject({
    complete: true,
    journals: [{ epoch: EPOCH, places: { from: 2, to: 4 }, missing: [], endKnown: true }],
  })
  const later = journal.appendAll(2, { timeMs: EPOCH + 7 * HOUR_MS })[1] as JournalLine
  const missingLater = [...leaves, gap(7, 7), text(later), sealOf(journal, later)]
  expect(answer(missingLater)).toMatchObject({ complete: true, journals: [{ missing: [] }] })
  const without = [...leaves.slice(0, 4), gap(3, 4), ...leaves.slice(7)]
  expect(answer(without)).toMatchObject({
    complete: false,
    journals: [{ places: { from: 2, to: 2 }, missing: [{ from: 3, to: 4 }] }],
  })
  const idle = { ...question, fromMs: EPOCH + 4.1 * HOUR_MS, toMs: EPOCH + 4.2 * HOUR_MS }
  const nothing = new CompletenessCheck(idle)
  const checkedIdle = checked(leaves, new RecordCheck({ onRecord: nothing.take }))
  expect(nothing.answer(checkedIdle)).toMatchObject({ complete: true, journals: [{ records: 0 }] })
  const unfinished = answer(leaves.slice(0, 7))
  expect(unfinished).toMatchObject({ complete: true, journals: [{ endKnown: false }] })
})

function gap(from: number, to: number): string {
  return finding('gap', { from, to })
}

function resolved(from: number): string {
  return JSON.stringify({ resolved: { at: 'x', key: `gap ${EPOCH} ${from} authz-1` }, v: 1 })
}

function foreign({ lines }: TestJournal): string {
  const [, second] = lines
  return new TestSealKey('other').seal({ n: 2, hash: second?.hash ?? '' }, OF)
}

function swap(leaves: string[]): void {
  const [key = '', first = '', second = '', ...rest] = leaves
  leaves.splice(0, leaves.length, key, second, first, ...rest)
}

function change(leaves: string[], at: number, from: string, to: string): void {
  leaves[at] = leaves[at]?.replace(from, to) ?? ''
}
