import { TestJournal, temporaryDirectory } from '@verdict/kit'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Store } from './store.ts'

const JOURNALS = [new TestJournal('pdp-1'), new TestJournal('pdp-2'), new TestJournal('pdp-1', 2)]
for (const [at, journal] of JOURNALS.entries()) journal.appendAll(6 + 6 * at)
const ALL = { before: Number.MAX_SAFE_INTEGER, limit: 1000 }

/** A delivery is lines of one journal, in any order, perhaps twice; `undefined` is a restart. */
const deliveries = fc.array(
  fc.option(
    fc
      .constantFrom(...JOURNALS)
      .chain((journal) =>
        fc.tuple(
          fc.constant(journal),
          fc.array(fc.constantFrom(...journal.lines), { minLength: 1, maxLength: 8 }),
        ),
      ),
    { nil: undefined, freq: 8 },
  ),
  { maxLength: 20 },
)

test('what is delivered in any order is in the log once, and what is not is a gap', async () => {
  await fc.assert(
    fc.asyncProperty(deliveries, async (delivered) => {
      await using dir = temporaryDirectory()
      let store = await Store.open({ dir: dir.path })
      const expected: string[] = []
      for (const [at, delivery] of delivered.entries()) {
        if (delivery === undefined) {
          store[Symbol.dispose]()
          store = await Store.open({ dir: dir.path })
          continue
        }
        const [journal, lines] = delivery
        const { stored } = store.record(journal.message(lines, at + 1))
        const fresh = new Set(lines.map(({ json }) => json)).difference(new Set(expected))
        expect(stored.map(({ json }) => json)).toEqual([...fresh])
        expected.push(...fresh)
      }
      const { entries } = store.follow({}, { after: 0, limit: 1000 })
      expect(entries.map(({ json }) => json)).toEqual(expected)
      expectExactGaps(store, new Set(expected))

      for (const journal of JOURNALS) store.record(journal.message(journal.lines))
      expect(store.lastIndex).toBe(JOURNALS.flatMap(({ lines }) => lines).length)
      expect(store.missing).toBe(0)
      // A gap is the only finding, and none is left open: every link was verified in the end.
      expect(store.findings(ALL).filter((f) => f.kind !== 'gap' || !f.resolvedAt)).toEqual([])
      store[Symbol.dispose]()
    }),
    { numRuns: 60 },
  )
})

/** The gaps of each chain are exactly the places below its last that nothing was delivered for. */
function expectExactGaps(store: Store, delivered: ReadonlySet<string>): void {
  const states = store.chains(ALL)
  for (const journal of JOURNALS) {
    const places = journal.lines.filter(({ json }) => delivered.has(json)).map((l) => l.record.n)
    const state = states.find(
      ({ chain }) => chain.instance === journal.instance && chain.epoch === journal.epoch,
    )
    const last = Math.max(0, ...places)
    expect(state?.chain.last ?? 0).toBe(last)
    const absent = Array.from({ length: last }, (_, at) => at + 1).filter(
      (n) => !places.includes(n),
    )
    const listed = (state?.gaps ?? []).flatMap(({ from, to }) =>
      Array.from({ length: to - from + 1 }, (_, at) => from + at),
    )
    expect(listed).toEqual(absent)
    expect(state?.missing ?? 0).toBe(absent.length)
    expect((state?.unresolved.gap ?? 0) > 0).toBe(absent.length > 0)
  }
}
