import { messageOf, VerdictError } from '../errors.ts'
import { type ControlLine, parseControlLine } from '../journal-control.ts'
import { isDecision } from '../journal-event.ts'
import type { JournalLine } from '../journal-line.ts'
import { Claims } from './claims.ts'
import {
  ContradictionErrorCode,
  LogContradiction,
  RecordCheckError,
  RecordCheckErrorCode,
} from './errors.ts'
import { EvidenceCheck, findingOf, type LoggedFinding } from './finding-check.ts'
import { GapCheck } from './gap-check.ts'
import { JournalCheck } from './journal-check.ts'
import { JournalKeys } from './journal-keys.ts'
import { type LogLeaf, readLogLeaf } from './log-leaf.ts'

/**
 * Journals in memory: a thousand decision points that each lost their journal a hundred times. With
 * more the verification ends, and says so.
 */
export const JOURNALS_MAX = 100_000
/**
 * Gaps in memory: each keeps a record until the one before it is here. With more at once the
 * verification ends, and says so.
 */
export const GAPS_MAX = 4_096
/** A journal that falls silent is asked for its seal when this many leaves have passed. */
const SEAL_LEAVES_MAX = 8_192

/** What the leaves of a log hold, counted. */
export interface LeafCounts {
  leaves: number
  decisions: number
  events: number
  seals: number
  findings: Record<string, number>
  /** Of kinds that this version does not know: passed over. */
  unknown: number
}

export interface RecordCheckOptions {
  /** Is told of every record, after it was verified. */
  readonly onRecord?: (line: JournalLine, leaf: number) => void
}

/** As it is in the log, where anything may be. */
type ChainHead = Partial<Record<'epoch' | 'hash' | 'instance' | 'last' | 'seenAtMs', unknown>>

/** Kinds of leaves about the log that are of no consequence for the journals. */
const PASSED_OVER: readonly string[] = [
  ...['advisory', 'closed', 'erasure', 'hold', 'operation', 'pruned', 'release', 'shard'],
]

/**
 * Verifies what the leaves of a log say, one after the other: the form of each, the chains of
 * hashes, that each place of a journal is there once or its absence is told, that seals and keys
 * are what they claim, that findings are true. What is in memory does not grow with the log, but
 * with its journals and gaps. Nothing is trusted but that these are the leaves of one log in order.
 */
export class RecordCheck {
  readonly counts: LeafCounts = {
    leaves: 0,
    decisions: 0,
    events: 0,
    seals: 0,
    findings: {},
    unknown: 0,
  }
  readonly #options: RecordCheckOptions
  readonly #journals = new Map<string, JournalCheck>()
  readonly #keys = new Map<string, JournalKeys>()
  readonly #claims = new Claims()
  readonly #gaps = new GapCheck()
  readonly #evidence = new EvidenceCheck()
  #isCut: boolean = false
  #spans = 0

  constructor(options: RecordCheckOptions = {}) {
    this.#options = options
  }

  /** Of one instance, or all. */
  journals(instance?: string): JournalCheck[] {
    const all = [...this.#journals.values()]
    return instance === undefined ? all : all.filter((journal) => journal.instance === instance)
  }

  keysOf(instance: string): JournalKeys | undefined {
    return this.#keys.get(instance)
  }

  /**
   * The next leaf; `leaf` counts on over shards.
   * @throws {LogContradiction}, {RecordCheckError} `check_too_large`
   */
  take(bytes: Uint8Array, leaf: number): void {
    const read = readLogLeaf(bytes, leaf)
    this.counts.leaves += 1
    try {
      this.#take(read, leaf)
    } catch (cause) {
      if (cause instanceof VerdictError) throw cause
      // What is in a leaf may be anything.
      const message = `it is no leaf of a log: ${messageOf(cause)}`
      throw at(leaf, ContradictionErrorCode.leafMalformed, message)
    }
    this.#claims.reached(leaf)
    if (this.counts.leaves % SEAL_LEAVES_MAX === 0) this.#sealsReached(leaf - SEAL_LEAVES_MAX)
  }

  /** Leaves were removed here: the journals may have gone on. */
  cut(): void {
    this.#isCut = true
    for (const journal of this.#journals.values()) journal.cut()
  }

  /** There are no more leaves. @throws {LogContradiction} for what nothing has explained */
  end(): void {
    this.#evidence.others(this.counts.leaves - 1)
    this.#sealsReached(Number.MAX_SAFE_INTEGER)
    this.#claims.end()
  }

  #take(read: LogLeaf, leaf: number): void {
    if (read.kind !== 'evidence' && read.kind !== 'shard') this.#evidence.others(leaf)
    if ('line' in read) this.#record(read.line, leaf)
    else if (read.kind === 'evidence') this.#evidence.take(read.body, leaf)
    else if (read.kind === 'finding') this.#finding(findingOf(read.body), leaf)
    else if (read.kind === 'resolved') this.#resolved(read.body, leaf)
    else if (read.kind === 'seal' || read.kind === 'journalKey') {
      this.#control(parseControlLine(read.json), leaf)
    } else if (read.kind === 'chains') this.#chains(read.body, leaf)
    else if (!PASSED_OVER.includes(read.kind)) this.counts.unknown += 1
  }

  #record(line: JournalLine, leaf: number): void {
    const { instance, epoch, n, time } = line.record
    if (n < 1 || Number.isNaN(Date.parse(time))) throw new RangeError('it has no place or no time')
    const journal = this.#journal(instance, epoch)
    const before = journal.spans.count
    journal.record(line, leaf)
    this.#spans += journal.spans.count - before
    if (this.#spans - this.#journals.size > GAPS_MAX) throw tooLarge(`${GAPS_MAX} gaps`)
    if (isDecision(line.record)) this.counts.decisions += 1
    else this.counts.events += 1
    this.#options.onRecord?.(line, leaf)
  }

  #control(control: ControlLine, leaf: number): void {
    if (control.kind === 'seal') {
      const { seal } = control
      this.counts.seals += 1
      const problem = this.#keysOf(seal.instance).problemOf(seal)
      this.#journal(seal.instance, seal.epoch).seal(seal, leaf, problem)
    } else if (control.kind === 'journalKey') {
      const { instance, epoch, from } = control.journalKey
      const problem = this.#keysOf(instance).take(control.journalKey)
      if (problem !== undefined) {
        const message = `a key of ${instance}, journal ${epoch}, is not to be believed: ${problem}`
        throw at(leaf, ContradictionErrorCode.keyUnendorsed, message)
      }
      this.#journal(instance, epoch).key(from)
    } else {
      const message = 'it is neither a seal nor a key of a journal'
      throw at(leaf, ContradictionErrorCode.leafMalformed, message)
    }
  }

  #finding(finding: LoggedFinding | undefined, leaf: number): void {
    if (finding === undefined) return
    const { kind, instance, epoch, from, to } = finding
    this.counts.findings[kind] = (this.counts.findings[kind] ?? 0) + 1
    this.#evidence.begin(finding, leaf)
    this.#claims.explain(finding, leaf)
    if (instance === undefined || epoch === undefined) return
    const journal = this.#journal(instance, epoch)
    journal.explain(kind, from, to)
    if (kind === 'gap') this.#gaps.noticed(finding, journal.spans, leaf)
  }

  #resolved(body: unknown, leaf: number): void {
    this.#gaps.resolved({ ...(body as { key?: unknown }) }.key, leaf)
  }

  /** Where all journals stand, at the beginning of a shard. */
  #chains(body: unknown, leaf: number): void {
    const { heads } = { ...(body as { heads?: unknown }) }
    if (!Array.isArray(heads)) return
    for (const head of heads) {
      const { epoch, hash, instance, last, seenAtMs } = { ...(head as ChainHead) }
      const stands = { n: Number(last), hash: String(hash), timeMs: Number(seenAtMs) }
      this.#journal(String(instance), Number(epoch)).stands(stands, leaf)
    }
  }

  #sealsReached(before: number): void {
    for (const journal of this.#journals.values()) journal.reached(before)
  }

  #journal(instance: string, epoch: number): JournalCheck {
    const key = `${epoch} ${instance}`
    const known = this.#journals.get(key)
    if (known !== undefined) return known
    if (this.#journals.size >= JOURNALS_MAX) throw tooLarge(`${JOURNALS_MAX} journals`)
    const journal = new JournalCheck({ instance, epoch }, this.#claims)
    if (this.#isCut) journal.cut()
    this.#journals.set(key, journal)
    return journal
  }

  #keysOf(instance: string): JournalKeys {
    const known = this.#keys.get(instance) ?? new JournalKeys()
    if (known.count > JournalKeys.MAX) throw tooLarge(`${JournalKeys.MAX} keys of one instance`)
    this.#keys.set(instance, known)
    return known
  }
}

function at(leaf: number, code: ContradictionErrorCode, message: string): LogContradiction {
  return new LogContradiction(code, message, { from: leaf, to: leaf })
}

function tooLarge(what: string): RecordCheckError {
  return new RecordCheckError(
    RecordCheckErrorCode.checkTooLarge,
    `the log has more than ${what}, which is more than one verification holds in memory`,
  )
}
