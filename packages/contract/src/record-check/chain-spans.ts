import { chainHash, genesisHash } from '../journal-line.ts'

/** Places of a chain that are all there, both ends included. */
export interface Span {
  readonly from: number
  readonly to: number
  /** Of the records at its ends, in ms. */
  readonly fromMs: number
  readonly toMs: number
}

interface OpenSpan {
  from: number
  to: number
  fromMs: number
  toMs: number
  firstHash: string
  /** Of the first record, until the one before it is here: then its link is verified. */
  firstJson: string
  lastHash: string
  /** The last place of it that is sealed; 0 while none is. */
  sealedTo: number
}

/** One record of a chain. */
export interface ChainRecord {
  readonly n: number
  readonly hash: string
  readonly json: string
  readonly timeMs: number
}

/** What has come of a record that was added. */
export interface Added {
  /** Its place is taken. */
  readonly taken: boolean
  /** Places whose chain hash does not follow from the one before. */
  readonly broken: readonly number[]
  /** What is missing before it, where it is the furthest. */
  readonly gap?: { readonly from: number; readonly to: number }
}

const TAKEN: Added = { taken: true, broken: [] }

/** What of one chain is there, in whichever order it came: as many spans as there are gaps. */
export class ChainSpans {
  readonly #spans: OpenSpan[] = []
  readonly #genesis: string

  constructor(instance: string, epoch: number) {
    this.#genesis = genesisHash(instance, epoch)
  }

  get count(): number {
    return this.#spans.length
  }

  /** The last place that is there; 0 before the first. */
  get last(): number {
    return this.#spans.at(-1)?.to ?? 0
  }

  spans(): readonly Span[] {
    return this.#spans
  }

  /** Whether all of these places are there. */
  has(from: number, to: number = from): boolean {
    const span = this.#spans[this.#before(to)]
    return span !== undefined && span.from <= from && to <= span.to
  }

  /** Whether none of these places is there. */
  lacks(from: number, to: number): boolean {
    const span = this.#spans[this.#before(to)]
    return span === undefined || span.to < from
  }

  /** The chain hash at a place, where it is the end of a span. */
  hashAt(n: number): string | undefined {
    const span = this.#spans[this.#before(n)]
    return span?.to === n ? span.lastHash : undefined
  }

  /** The first place of the span that holds a place. */
  spanFrom(n: number): number {
    return this.#spans[this.#before(n)]?.from ?? n
  }

  /** A place is sealed, and by the chain all before it in its span. */
  seal(n: number): void {
    const span = this.#spans[this.#before(n)]
    if (span !== undefined) span.sealedTo = Math.max(span.sealedTo, n)
  }

  /** Up to where the span that holds a place is sealed; 0 where it is not. */
  sealedTo(n: number): number {
    return this.#spans[this.#before(n)]?.sealedTo ?? 0
  }

  add(record: ChainRecord): Added {
    const { n, hash, json, timeMs } = record
    const at = this.#before(n)
    const before = this.#spans[at]
    if (before !== undefined && n <= before.to) return TAKEN
    const gap = at === this.#spans.length - 1 && n > this.last + 1 ? this.last + 1 : undefined
    const previous = before?.to === n - 1 ? before : undefined
    const previousHash = n === 1 ? this.#genesis : previous?.lastHash
    const broken: number[] = []
    if (previousHash !== undefined && chainHash(previousHash, json) !== hash) broken.push(n)
    let span = previous
    if (span === undefined) {
      const ends = { from: n, to: n, fromMs: timeMs, toMs: timeMs }
      // Nobody asks for the link of a record whose previous one is known.
      const firstJson = previousHash === undefined ? json : ''
      span = { ...ends, firstHash: hash, firstJson, lastHash: hash, sealedTo: 0 }
      this.#spans.splice(at + 1, 0, span)
    } else {
      Object.assign(span, { to: n, toMs: timeMs, lastHash: hash })
    }
    if (this.#join(span)) broken.push(n + 1)
    return { taken: false, broken, ...(gap !== undefined && { gap: { from: gap, to: n - 1 } }) }
  }

  /** Goes on behind a place whose record, and those before it, can't be looked at. */
  jump({ n, hash, timeMs }: Omit<ChainRecord, 'json'>): void {
    const ends = { from: n, to: n, fromMs: timeMs, toMs: timeMs }
    this.#spans.push({ ...ends, firstHash: hash, firstJson: '', lastHash: hash, sealedTo: 0 })
  }

  /** Joins a span with the next one where they touch; whether the link between them is broken. */
  #join(span: OpenSpan): boolean {
    const at = this.#before(span.from)
    const next = this.#spans[at + 1]
    if (next === undefined || next.from !== span.to + 1) return false
    const broken = chainHash(span.lastHash, next.firstJson) !== next.firstHash
    const sealedTo = Math.max(span.sealedTo, next.sealedTo)
    Object.assign(span, { to: next.to, toMs: next.toMs, lastHash: next.lastHash, sealedTo })
    this.#spans.splice(at + 1, 1)
    return broken
  }

  /** The index of the last span that begins at or before a place; -1 where there is none. */
  #before(n: number): number {
    let at = this.#spans.length - 1
    while (at >= 0 && (this.#spans[at]?.from ?? 0) > n) at -= 1
    return at
  }
}
