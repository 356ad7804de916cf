import type { Seal } from '../journal-control.ts'
import { droppedBy, type JournalRecord } from '../journal-event.ts'
import type { JournalLine } from '../journal-line.ts'
import { ChainSpans, type Span } from './chain-spans.ts'
import type { Claims } from './claims.ts'
import { ContradictionErrorCode, LogContradiction } from './errors.ts'

/** Records of one journal that wait for their seal: more than one message ever holds. */
const UNSEALED_MAX = 8_192

/** What the findings are called that say that something is wrong with a seal. */
const SEAL_FINDINGS: readonly string[] = ['unsealed', 'bad_seal']

interface Unsealed {
  readonly hash: string
  readonly leaf: number
}

/** One journal of one decision point, record by record. */
export class JournalCheck {
  readonly instance: string
  readonly epoch: number
  readonly spans: ChainSpans
  /** Places whose records were removed from the log, and so can't be looked at. */
  readonly removed: { from: number; to: number }[] = []
  /** Its clock has gone back by this much, in ms. */
  clockBackMs = 0
  /** Decisions that were answered without a record, by what the records say. */
  dropped = 0
  records = 0
  /** Records under a seal. */
  sealed = 0
  #latestMs = 0
  #sealedFrom: number | undefined
  #isCut: boolean = false
  readonly #unsealed = new Map<number, Unsealed>()
  readonly #claims: Claims

  constructor(of: { instance: string; epoch: number }, claims: Claims) {
    this.instance = of.instance
    this.epoch = of.epoch
    this.spans = new ChainSpans(of.instance, of.epoch)
    this.#claims = claims
  }

  /** What is missing, with the times of the records around it. */
  get gaps(): readonly Span[] {
    const spans = this.spans.spans()
    return spans.flatMap((span, i) => {
      // An epoch is the time at which its journal began.
      const { to, toMs } = spans[i - 1] ?? { to: 0, toMs: this.epoch }
      const gap = { from: to + 1, to: span.from - 1, fromMs: toMs, toMs: span.fromMs }
      const isRemoved = this.removed.some(({ from, to: end }) => from <= gap.from && gap.to <= end)
      return gap.to < gap.from || isRemoved ? [] : [gap]
    })
  }

  /** The first place whose record has to be sealed; undefined where the journal has no key. */
  get sealedFrom(): number | undefined {
    return this.#sealedFrom
  }

  /** @throws {LogContradiction} `place_twice`; others at the end of what may explain them */
  record({ hash, json, record }: JournalLine, leaf: number): void {
    const { n } = record
    const timeMs = Date.parse(record.time)
    const added = this.spans.add({ n, hash, json, timeMs })
    if (added.taken) {
      const message = `there is a second record for ${this.#place(n)}`
      throw new LogContradiction(ContradictionErrorCode.placeTwice, message, {
        from: leaf,
        to: leaf,
      })
    }
    this.#count(record, timeMs)
    for (const place of added.broken) this.#broken(place, leaf)
    if (added.gap !== undefined) {
      if (this.#isCut) this.removed.push(added.gap)
      else this.#gap(added.gap, leaf)
    }
    this.#isCut = false
    if (this.#sealedFrom !== undefined && n >= this.#sealedFrom)
      this.#unsealed.set(n, { hash, leaf })
    if (this.#unsealed.size > UNSEALED_MAX) this.#claimUnsealed(this.#unsealed.keys().take(1))
  }

  /** Leaves of the log were removed: what comes next may leave places out. */
  cut(): void {
    this.#isCut = true
  }

  /**
   * The log says where the journal stands; behind leaves that were removed it goes on from there.
   * @throws {LogContradiction} `finding_false` where it stands elsewhere
   */
  stands(head: { n: number; hash: string; timeMs: number }, leaf: number): void {
    const { last } = this.spans
    if (head.n === last && (last === 0 || this.spans.hashAt(last) === head.hash)) return
    if (this.#isCut && head.n > last) {
      this.#isCut = false
      this.removed.push({ from: last + 1, to: head.n })
      this.spans.jump(head)
      return
    }
    const message = `the log says that ${this.#name} stands at place ${head.n}, and it is at ${last}`
    const leaves = { from: leaf, to: leaf }
    throw new LogContradiction(ContradictionErrorCode.findingFalse, message, leaves)
  }

  /** From this place on records are sealed. */
  key(from: number): void {
    this.#sealedFrom = Math.min(from, this.#sealedFrom ?? from)
  }

  /**
   * @param problem what speaks against the key or the signature
   * @throws {LogContradiction} `seal_wrong`
   */
  seal({ n, hash }: Seal, leaf: number, problem: string | undefined): void {
    const expected = this.#unsealed.get(n)?.hash ?? this.spans.hashAt(n)
    if (problem !== undefined) throw this.#badSeal(n, leaf, problem)
    if (!this.spans.has(n)) throw this.#badSeal(n, leaf, 'is for a record that is not here')
    if (expected === hash) this.spans.seal(n)
    else if (expected !== undefined) throw this.#badSeal(n, leaf, 'is for another record')
    // What came late is sealed by the chain, where the span it closed is sealed behind it.
    const [from, to] = [this.spans.spanFrom(n), this.spans.sealedTo(n)]
    for (const place of this.#unsealed.keys()) {
      if (place < from || place > to) continue
      this.#unsealed.delete(place)
      this.sealed += 1
    }
  }

  /** A finding says that records are not sealed. */
  explain(kind: string, from: number = 1, to: number = Number.MAX_SAFE_INTEGER): void {
    if (!SEAL_FINDINGS.includes(kind)) return
    for (const n of this.#unsealed.keys()) if (n >= from && n <= to) this.#unsealed.delete(n)
  }

  /** All that waits for a seal since before a leaf is not sealed. */
  reached(before: number): void {
    const late = [...this.#unsealed].filter(([, { leaf }]) => leaf < before).map(([n]) => n)
    if (late.length > 0) this.#claimUnsealed(late)
  }

  #count(record: JournalRecord, timeMs: number): void {
    this.records += 1
    this.dropped += droppedBy(record)
    this.clockBackMs = Math.max(this.clockBackMs, this.#latestMs - timeMs)
    this.#latestMs = Math.max(this.#latestMs, timeMs)
  }

  #claimUnsealed(places: Iterable<number>): void {
    for (const n of [...places]) {
      const leaf = this.#unsealed.get(n)?.leaf ?? 0
      this.#unsealed.delete(n)
      const message = `the record of ${this.#place(n)} is not sealed, and no finding says so`
      this.#claim(ContradictionErrorCode.recordUnsealed, message, SEAL_FINDINGS, { n, leaf })
    }
  }

  #badSeal(n: number, leaf: number, what: string): LogContradiction {
    const message = `the seal of ${this.#place(n)} ${what}`
    const leaves = { from: leaf, to: leaf }
    return new LogContradiction(ContradictionErrorCode.sealWrong, message, leaves)
  }

  #broken(n: number, leaf: number): void {
    const what = 'does not follow from the one before, and no finding says so'
    const message = `the record of ${this.#place(n)} ${what}`
    this.#claim(ContradictionErrorCode.chainBroken, message, ['broken_chain'], { n, leaf })
  }

  #gap({ from, to }: { from: number; to: number }, leaf: number): void {
    const { instance, epoch } = this
    const message = `places ${from} to ${to} of ${this.#name} are missing, and no finding says so`
    const code = ContradictionErrorCode.gapHidden
    this.#claims.add({ code, message, kinds: ['gap'], instance, epoch, from, to, leaf })
  }

  #claim(
    code: ContradictionErrorCode,
    message: string,
    kinds: readonly string[],
    { n, leaf }: { n: number; leaf: number },
  ): void {
    const { instance, epoch } = this
    this.#claims.add({ code, message, kinds, instance, epoch, from: n, to: n, leaf })
  }

  get #name(): string {
    return `${this.instance}, journal ${this.epoch}`
  }

  #place(n: number): string {
    return `place ${n} of ${this.#name}`
  }
}
