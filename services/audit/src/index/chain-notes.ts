import type { LoggedFinding } from '../log/leaf.ts'
import type { NoteBody } from '../log/note.ts'
import type { LogIndex } from './log-index.ts'

/** Chains or gaps in one leaf: few enough for the longest names. */
const ITEMS_PER_LEAF = 64
/** Chains that are read at a time. */
const PAGE_CHAINS = 256

/** Where a chain stands. */
interface Head {
  readonly instance: string
  readonly epoch: number
  readonly last: number
  readonly hash: string
  readonly seenAtMs: number
  readonly dropped: number
  readonly sealed: number
}

/** What is missing of a chain. */
interface OpenGap {
  readonly instance: string
  readonly epoch: number
  readonly from: number
  readonly to: number
  readonly finding: LoggedFinding
}

/**
 * Where all chains stand, as notes for the beginning of a shard: with them the index can be built
 * from there on, when what is before was pruned.
 */
export function chainNotes({ chains, dropped, findings, gaps, journalKeys }: LogIndex): NoteBody[] {
  const heads: Head[] = []
  const open: OpenGap[] = []
  for (let before = Number.MAX_SAFE_INTEGER; ; ) {
    const page = chains.page({ before, limit: PAGE_CHAINS })
    for (const { id, epoch, instance, last, lastHash: hash, seenAtMs } of page) {
      const counts = { dropped: dropped.of(id), sealed: journalKeys.sealedTo(id) }
      heads.push({ instance, epoch, last, hash, seenAtMs, ...counts })
      for (const { from, to, finding } of gaps.all(id)) {
        const logged = findings.logged(finding)
        if (logged) open.push({ instance, epoch, from, to, finding: logged })
      }
    }
    before = page.at(-1)?.id ?? 0
    if (page.length < PAGE_CHAINS) break
  }
  heads.reverse()
  return [
    ...chunksOf(heads).map((items) => ({ heads: items })),
    ...chunksOf(open).map((items) => ({ gaps: items })),
  ]
}

/** Takes in what such a note says; nothing changes where the index knows it all. */
export function takeChains(index: LogIndex, body: NoteBody, leaf: number): void {
  const { chains, dropped, findings, gaps, journalKeys } = index
  const { heads = [], gaps: open = [] } = body as { heads?: Head[]; gaps?: OpenGap[] }
  for (const head of heads) {
    const chain = chains.of(head.instance, head.epoch)
    if (head.last > chain.last) {
      chains.advance(chain, { n: head.last, hash: head.hash, timeMs: head.seenAtMs })
    }
    dropped.add(chain.id, head.dropped - dropped.of(chain.id))
    if (head.sealed > 0) journalKeys.seal(chain.id, head.sealed)
  }
  for (const { instance, epoch, from, to, finding } of open) {
    const id = findings.add(finding, leaf)?.id ?? findings.idOf(finding.key)
    if (id !== undefined) gaps.open(chains.of(instance, epoch).id, { from, to }, id)
  }
}

function chunksOf<Item>(items: readonly Item[]): Item[][] {
  const count = Math.ceil(items.length / ITEMS_PER_LEAF)
  return Array.from({ length: count }, (_, at) =>
    items.slice(at * ITEMS_PER_LEAF, (at + 1) * ITEMS_PER_LEAF),
  )
}
