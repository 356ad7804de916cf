import { DatabaseSync } from 'node:sqlite'
import { type DecisionRecord, Outcome } from '@verdict/contract'
import { TestJournal } from '@verdict/kit'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Filter } from './filter.ts'
import { SearchIndex } from './search-index.ts'

/** Whatever a record says can be asked for, and no common question looks through the table. */

const some = (...values: string[]) => fc.constantFrom(undefined, ...values)
const facts = fc.record({
  workload: some('spiffe://td/a', 'spiffe://td/b'),
  issuer: some('https://a', 'https://b'),
  method: fc.constantFrom('GET', 'POST'),
  source: some('10.0.0.1', '::1'),
  bundle: some('shop'),
  revision: some('r1', 'r2'),
  entrypoint: some('a/b'),
  rules: fc.constantFrom(undefined, [], ['a'], ['a', 'ab'], ['b']),
  reason: fc.constantFrom('ok', 'no'),
  trace: some('4bf92f3577b34da6a3ce929d0e0e4736', '0'.repeat(32)),
  request: some('r-1', 'r-2'),
  outcome: fc.constantFrom(...Object.values(Outcome)),
})
type GivenFacts = typeof facts extends fc.Arbitrary<infer T> ? T : never
const filters: fc.Arbitrary<Filter> = fc.record(
  {
    workload: fc.constant('spiffe://td/a'),
    issuer: fc.constant('https://a'),
    method: fc.constant('GET'),
    source: fc.constant('::1'),
    bundle: fc.constant('shop'),
    revision: fc.constantFrom('r1', 'r9'),
    entrypoint: fc.constant('a/b'),
    rule: fc.constantFrom('a', 'b', 'ab', 'c'),
    reason: fc.constant('no'),
    trace: fc.constant('4bf92f3577b34da6a3ce929d0e0e4736'),
    request: fc.constant('r-1'),
    outcome: fc.constantFrom(...Object.values(Outcome)),
  },
  { requiredKeys: [] },
)

test('every fact of a record narrows a search, alone and together', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(facts, { maxLength: 30 }), filters, async (given, filter) => {
      const search = new SearchIndex(new DatabaseSync(':memory:'), { spanRows: 8 })
      const journal = new TestJournal('pdp')
      for (const [at, each] of given.entries()) search.add(at + 1, recordOf(journal, each))
      const found = await search.page(filter, { before: given.length + 1, limit: 100 })
      const matching = given.flatMap((each, at) => (matches(each, filter) ? [at + 1] : []))
      expect(found.indices).toEqual(matching.toReversed())
    }),
    { numRuns: 200 },
  )
})

test('a record that lacks or seals what can be searched for is taken in', async () => {
  const search = new SearchIndex(new DatabaseSync(':memory:'))
  const { record } = new TestJournal('pdp').append()
  const { identity: _identity, policy: _policy, source: _source, ...rest } = record
  const request = { ...record.request, method: { sealed: 'x' }, traceId: 7 }
  const odd = { ...rest, request, policy: { rules: [{ toString: 1, valueOf: 1 }] }, reason: null }
  search.add(1, odd as unknown as DecisionRecord)
  expect(await search.page({}, { before: 2, limit: 1 })).toMatchObject({ indices: [1] })
})

const COMMON: [question: string, filter: Filter, index: string][] = [
  ['who', { principal: 'alice' }, 'search_principal'],
  ['who and when', { principal: 'alice', fromMs: 1, toMs: 9 }, 'search_principal'],
  ['who and what', { principal: 'alice', method: 'DELETE' }, 'search_principal'],
  ['what', { path: { exact: '/orders/1' } }, 'search_path'],
  ['what, by its beginning', { path: { prefix: '/orders/' } }, 'search_path|PRIMARY'],
  ['when', { fromMs: 1, toMs: 9 }, 'PRIMARY KEY'],
  ['all', {}, 'PRIMARY KEY'],
  ['to where', { destination: { namespace: 'shop', service: 'orders' } }, 'search_service'],
  ['from where', { source: '10.0.0.1' }, 'PRIMARY KEY'],
  ['outcome', { outcome: 'deny' }, 'search_refused'],
  ['outcome and policy', { outcome: 'error', revision: 'r' }, 'search_refused'],
  ['reason of refusals', { outcome: 'deny', reason: 'no' }, 'search_refused'],
  ['trace', { trace: '4bf92f3577b34da6a3ce929d0e0e4736' }, 'search_trace'],
  ['request', { request: 'r-1' }, 'PRIMARY KEY'],
  ['policy', { revision: 'r', rule: 'a' }, 'PRIMARY KEY'],
]

test.each(COMMON)('asked by %s, the table is not looked through', async (_name, filter, index) => {
  const db = new DatabaseSync(':memory:')
  const search = new SearchIndex(db)
  search.add(1, new TestJournal('pdp').append().record)
  const asked: string[] = []
  const prepare = db.prepare.bind(db)
  db.prepare = (sql) => {
    asked.push(sql)
    return prepare(sql)
  }
  await search.page(filter, { before: 2, limit: 10 })
  search.follow(filter, { after: 0, last: 1, limit: 10 })
  expect(asked.length).toBeGreaterThan(0)
  for (const sql of asked) {
    const values = [...sql.matchAll(/\?/g)].map(() => 1)
    const steps = prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...values)
    const plan = steps.map(({ detail }) => String(detail)).join('; ')
    expect(plan).toMatch(/SEARCH search USING/)
    expect(plan).not.toMatch(/SCAN search/)
    // No sort: the rows come in the order of their index, and the first page is all that is read.
    if (!sql.includes('search_path')) expect(plan).not.toMatch(/TEMP B-TREE/)
    expect(plan).toMatch(new RegExp(index))
  }
})

function recordOf(journal: TestJournal, given: GivenFacts): DecisionRecord {
  const { record } = journal.append({ outcome: given.outcome })
  const { bundle, entrypoint, issuer, method, reason, request, revision, rules } = given
  const { source, trace, workload } = given
  // Like a record from a journal, in which what is absent is not there at all.
  return JSON.parse(
    JSON.stringify({
      ...record,
      reason,
      identity: { status: 'verified', issuer, workload },
      policy: { bundle, entrypoint, revision, rules },
      request: { ...record.request, method, id: request, traceId: trace },
      source: { address: source },
    }),
  )
}

function matches(given: GivenFacts, filter: Filter): boolean {
  const { rule, ...exact } = filter
  return (
    (rule === undefined || (given.rules as string[] | undefined)?.includes(rule) === true) &&
    Object.entries(exact).every(([name, value]) => given[name as keyof GivenFacts] === value)
  )
}
