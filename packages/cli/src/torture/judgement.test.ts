import { chainHash, genesisHash, type JournalLine, parseJournalLine } from '@verdict/contract'
import { expect, test } from 'vitest'
import { Journals } from './journals.ts'
import { judge } from './judgement.ts'
import type { Asked } from './load.ts'

const INSTANCE = 'authz-1'
const EPOCH = 7

interface Told {
  readonly request: string
  readonly outcome?: string
  readonly durationUs?: number
}

/** The journal of these decisions: `d1` is of the first, `d2` of the second. */
function journal(decisions: readonly Told[]): JournalLine[] {
  let previous = genesisHash(INSTANCE, EPOCH)
  return decisions.map(({ request, outcome = 'allow', durationUs = 100 }, at) => {
    const place = { instance: INSTANCE, epoch: EPOCH, n: at + 1, v: 1 }
    const body = { id: `d${at + 1}`, outcome, durationUs, request: { id: request } }
    const json = JSON.stringify({ ...place, ...body })
    previous = chainHash(previous, json)
    return parseJournalLine(`${previous} ${json}`)
  })
}

function logOf(lines: readonly JournalLine[]): Journals {
  const journals = new Journals()
  for (const line of lines) journals.take(line)
  return journals
}

const read = (decision?: string): Asked => ({ method: 'GET', ...(decision && { decision }) })
const two = journal([{ request: 'r1' }, { request: 'r2' }])
const [first, second] = two as [JournalLine, JournalLine]
const askedTwo = new Map([
  ['r1', read('d1')],
  ['r2', read('d2')],
])
const SOUND = { lost: 0, forged: 0, duplicated: 0, examples: [] }

test('what was told and logged once is sound, in whatever order it arrived', () => {
  for (const lines of [two, [second, first]]) {
    const log = logOf(lines)
    expect(judge(askedTwo, log)).toEqual({ ...SOUND, acknowledged: 2 })
    expect([log.missing, log.broken]).toEqual([0, []])
  }
})

test('a decision that a caller did not hear of may be in the log, as a fault too', () => {
  const log = logOf(journal([{ request: 'r1' }, { request: 'r2', outcome: 'error' }]))
  const asked = new Map([
    ['r1', read()],
    ['r2', read()],
  ])
  expect(judge(asked, log)).toEqual({ ...SOUND, acknowledged: 0 })
})

test('a decision that was told and is not in the log is lost, and its place is missing', () => {
  const log = logOf([second])
  expect(judge(askedTwo, log)).toMatchObject({ lost: 1, forged: 0, duplicated: 0 })
  expect(log.missing).toBe(1)
})

test('a decision that nobody asked for is forged', () => {
  const asked = new Map([['r1', read('d1')]])
  expect(judge(asked, logOf(two))).toMatchObject({ lost: 0, forged: 1, duplicated: 0 })
})

test.each([
  ['allows what the caller was denied', 'POST', 'allow'],
  ['denies what the caller was allowed', 'GET', 'deny'],
  ['is a fault where the caller was told a decision', 'GET', 'error'],
] as const)('a record that %s is forged', (_what, method, outcome) => {
  const log = logOf(journal([{ request: 'r1', outcome }]))
  const asked = new Map([['r1', { method, decision: 'd1' }]])
  expect(judge(asked, log)).toMatchObject({ lost: 0, forged: 1 })
})

test('a decision under the id of another request is forged', () => {
  const asked = new Map([
    ['r1', read('d2')],
    ['r2', read('d1')],
  ])
  expect(judge(asked, logOf(two))).toMatchObject({ lost: 0, forged: 2 })
})

test('a line that is there twice is seen by its place and by its decision', () => {
  expect(judge(askedTwo, logOf([...two, second])).duplicated).toBeGreaterThan(0)
  expect(judge(askedTwo, logOf([second, second, first])).duplicated).toBeGreaterThan(0)
})

test('a request that was decided twice is there twice', () => {
  const log = logOf(journal([{ request: 'r1' }, { request: 'r1' }]))
  const asked = new Map([['r1', read('d1')]])
  expect(judge(asked, log)).toMatchObject({ lost: 0, forged: 0, duplicated: 1 })
})

test('a line that does not follow from the one before it is broken', () => {
  const changed = JSON.stringify({ ...second.record, id: 'd3' } satisfies Record<string, unknown>)
  const forged = parseJournalLine(`${second.hash} ${changed}`)
  expect(logOf([first, forged]).broken).toHaveLength(1)
})

test('a duration that no clock measured is broken', () => {
  expect(logOf(journal([{ request: 'r1', durationUs: -1 }])).broken).toHaveLength(1)
  expect(logOf(journal([{ request: 'r1', durationUs: 7_200_000_000 }])).broken).toHaveLength(1)
})

test('an event of the decision point has a place in the chain, and is no decision', () => {
  const event = { instance: INSTANCE, epoch: EPOCH, n: 1, v: 1, id: 'e1', gap: { count: 3 } }
  const json = JSON.stringify(event)
  const hash = chainHash(genesisHash(INSTANCE, EPOCH), json)
  const log = new Journals()
  log.take({ hash, json, record: event as unknown as JournalLine['record'] })
  expect([log.decisions.size, log.missing, log.broken]).toEqual([0, 0, []])
})
