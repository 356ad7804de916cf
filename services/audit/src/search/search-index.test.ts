import { DatabaseSync } from 'node:sqlite'
import { Outcome } from '@verdict/contract'
import { type DecisionParts, TestJournal } from '@verdict/kit'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Filter } from './filter.ts'
import { SearchIndex } from './search-index.ts'

const SERVICES = [
  { namespace: 'shop', service: 'orders' },
  { namespace: 'dev', service: 'orders' },
  { service: 'orders' },
  { namespace: 'shop', service: 'catalog' },
]
const PATHS = ['/', '/orders', '/orders/1', '/orders/12', '/orders%', '/ordersé', '/Orders/1']

type Parts = Required<
  Pick<DecisionParts, 'outcome' | 'principal' | 'path' | 'destination' | 'timeMs'>
> &
  Pick<DecisionParts, 'enforced'>
const parts: fc.Arbitrary<Parts> = fc.record(
  {
    enforced: fc.constant(false as const),
    outcome: fc.constantFrom(...Object.values(Outcome)),
    principal: fc.constantFrom('alice', 'bob', 'anonymous'),
    path: fc.constantFrom(...PATHS),
    destination: fc.constantFrom(...SERVICES),
    timeMs: fc.integer({ min: 1000, max: 1040 }),
  },
  { requiredKeys: ['outcome', 'principal', 'path', 'destination', 'timeMs'] },
)
const filters: fc.Arbitrary<Filter> = fc.record(
  {
    outcome: fc.constantFrom(...Object.values(Outcome)),
    principal: fc.constantFrom('alice', 'carol'),
    enforced: fc.boolean(),
    path: fc.constantFrom({ exact: '/orders/1' }, { prefix: '/orders/' }, { prefix: '/orders' }),
    destination: fc.constantFrom(
      { service: 'orders' },
      { namespace: 'shop', service: 'orders' },
      { namespace: '', service: 'orders' },
    ),
    fromMs: fc.integer({ min: 995, max: 1045 }),
    toMs: fc.integer({ min: 995, max: 1045 }),
  },
  { requiredKeys: [] },
)

test('pages and runs give exactly what matches, each once, in order, across spans', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(parts, { maxLength: 60 }),
      filters,
      fc.integer({ min: 1, max: 9 }),
      async (decisions, filter, limit) => {
        const search = indexOf(decisions)
        const matching = decisions.flatMap((decision, at) =>
          matches(decision, filter) ? [at + 1] : [],
        )
        const last = decisions.length
        expect(await allPages(search, filter, { last, limit })).toEqual(matching.toReversed())
        expect(allRuns(search, filter, { last, limit })).toEqual(matching)
      },
    ),
    { numRuns: 300 },
  )
})

test('a time within a span is found, in whatever order times come', async () => {
  const time = fc.integer({ min: 1000, max: 1006 })
  await fc.assert(
    fc.asyncProperty(fc.array(time, { maxLength: 12 }), time, time, async (times, fromMs, toMs) => {
      const search = indexOf(times.map((timeMs) => ({ timeMs })))
      const matching = times.flatMap((ms, at) => (ms >= fromMs && ms < toMs ? [at + 1] : []))
      const range = { last: times.length, limit: 3 }
      expect(await allPages(search, { fromMs, toMs }, range)).toEqual(matching.toReversed())
    }),
    { numRuns: 300 },
  )
})

test('an id finds its entry, and the first of two that claim it', () => {
  const search = indexOf([])
  const record = new TestJournal('pdp').append().record
  search.add(4, record)
  search.add(9, record)
  expect(search.find(record.id)).toBe(4)
  expect(search.find('0193a0c0-0000-7000-8000-000000000000')).toBeUndefined()
})

test('a page that follows stays the same while the log grows', async () => {
  const search = indexOf(Array.from({ length: 10 }, () => ({})))
  const first = await search.page({}, { before: 11, limit: 4 })
  expect(first).toEqual({ indices: [10, 9, 8, 7], next: 7 })
  search.add(11, new TestJournal('pdp').append().record)
  expect(await search.page({}, { before: 7, limit: 6 })).toEqual({ indices: [6, 5, 4, 3, 2, 1] })
})

function indexOf(decisions: readonly DecisionParts[]): SearchIndex {
  const search = new SearchIndex(new DatabaseSync(':memory:'), { spanRows: 4, rareRowsMax: 5 })
  const journal = new TestJournal('pdp')
  for (const [at, decision] of decisions.entries()) {
    search.add(at + 1, journal.append(decision).record)
  }
  return search
}

async function allPages(
  search: SearchIndex,
  filter: Filter,
  { last, limit }: { last: number; limit: number },
): Promise<number[]> {
  const found: number[] = []
  for (let before: number | undefined = last + 1; before !== undefined; ) {
    const { indices, next } = await search.page(filter, { before, limit })
    expect(indices.length).toBeLessThanOrEqual(limit)
    found.push(...indices)
    before = next
  }
  return found
}

function allRuns(
  search: SearchIndex,
  filter: Filter,
  { last, limit }: { last: number; limit: number },
): number[] {
  const found: number[] = []
  for (let after = 0; after < last; ) {
    const { indices, through } = search.follow(filter, { after, last, limit })
    expect(through).toBeGreaterThan(after)
    found.push(...indices)
    after = through
  }
  return found
}

function matches(decision: Parts, filter: Filter): boolean {
  const { destination, fromMs = 0, outcome, path, principal, toMs = Number.MAX_VALUE } = filter
  const { namespace = '', service } = decision.destination
  return (
    (outcome === undefined || decision.outcome === outcome) &&
    (filter.enforced === undefined || (decision.enforced ?? true) === filter.enforced) &&
    (principal === undefined || decision.principal === principal) &&
    (path === undefined ||
      ('exact' in path ? decision.path === path.exact : decision.path.startsWith(path.prefix))) &&
    (destination === undefined ||
      (destination.service === service &&
        (destination.namespace === undefined || destination.namespace === namespace))) &&
    decision.timeMs >= fromMs &&
    decision.timeMs < toMs
  )
}
