import { isUtf8 } from 'node:buffer'
import path from 'node:path'
import {
  CHAIN_HASH_CHARS,
  chainHash,
  genesisHash,
  type JournalLine,
  parseJournalLine,
} from '@verdict/contract'
import { corrupt, type JournalError } from './errors.ts'
import type { JournalIdentity } from './journal-identity.ts'
import type { Segment } from './segment.ts'
import type { SegmentLine } from './segment-lines.ts'
import type { ShippedPosition } from './shipped-mark.ts'

/** Where a reader of the journal stands. */
export interface Cursor {
  readonly segment: Segment
  readonly offset: number
}

export interface ChainScanOptions {
  readonly dir: string
  readonly identity: JournalIdentity
  /** The first segment that is left. */
  readonly first: Segment
  readonly shipped: ShippedPosition | undefined
}

/**
 * Follows the chain through the segments, line by line, and throws at whatever is not as it was
 * written. The one damage that it forgives is a torn tail: an end of the last segment that was
 * being written when the process or the machine stopped, so that nobody was answered for it.
 */
export class ChainScan {
  lines = 0
  lastN: number
  lastHash: string
  /** Behind the last line that was shipped. */
  shippedCursor: Cursor
  readonly #options: ChainScanOptions
  #segment: Segment
  #isLast: boolean = false
  #lineNumber = 0
  #isTorn: boolean = false

  constructor(options: ChainScanOptions) {
    const { identity, first } = options
    this.#options = options
    this.#segment = first
    this.lastN = first.firstN - 1
    this.lastHash =
      this.lastN === 0 ? genesisHash(identity.instance, identity.epoch) : first.previousHash
    this.shippedCursor = { segment: first, offset: 0 }
  }

  /** Begins a segment. @throws {JournalError} `corrupt` */
  enter(segment: Segment, isLast: boolean): void {
    if (segment.firstN !== this.lastN + 1 || segment.previousHash !== this.lastHash) {
      throw this.#corrupt(
        `file \`${path.basename(segment.path)}\` does not continue line ${this.lastN}`,
      )
    }
    this.#segment = segment
    this.#isLast = isLast
    this.#lineNumber = 0
    if (segment === this.#options.first) this.#compareWithShipped(0)
  }

  /** Takes the next piece of the segment. @throws {JournalError} `corrupt` */
  visit(line: SegmentLine): void {
    this.#lineNumber += 1
    const hash = this.#isTorn ? undefined : this.#verify(line)
    if (hash === undefined) {
      // A whole record of ours was synced, or is damaged where no torn write damages.
      if (!this.#isLast || (line.complete && this.#holdsRecord(line.bytes))) throw this.#badLine()
      this.#isTorn = true
      return
    }
    this.lines += 1
    this.lastN += 1
    this.lastHash = hash
    this.#segment.lastN = this.lastN
    this.#segment.bytes = line.offset + line.bytes.length + 1
    this.#compareWithShipped(this.#segment.bytes)
  }

  /** Ends the scan behind the last segment. @throws {JournalError} `corrupt` */
  finish(): void {
    const { shipped } = this.#options
    if (shipped && shipped.n > this.lastN) {
      throw this.#corrupt(`it ends at line ${this.lastN} but was shipped up to ${shipped.n}`)
    }
  }

  /** The chain hash of a line that is what it must be here. */
  #verify(line: SegmentLine): string | undefined {
    // Only of valid UTF-8 one text means the same bytes.
    if (!line.complete || !isUtf8(line.bytes)) return undefined
    const text = line.bytes.toString('utf8')
    const hash = text.slice(0, CHAIN_HASH_CHARS)
    if (chainHash(this.lastHash, text.slice(CHAIN_HASH_CHARS + 1)) !== hash) return undefined
    const parsed = this.#parse(text)
    return parsed?.record.n === this.lastN + 1 ? hash : undefined
  }

  /** Whether a record of this journal is anywhere in a piece, be it behind a lost line feed. */
  #holdsRecord(bytes: Buffer): boolean {
    const text = bytes.toString('utf8')
    for (let at = text.indexOf(' {"'); at !== -1; at = text.indexOf(' {"', at + 1)) {
      if (at >= CHAIN_HASH_CHARS && this.#parse(text.slice(at - CHAIN_HASH_CHARS))) return true
    }
    return false
  }

  #parse(text: string): JournalLine | undefined {
    const { instance, epoch } = this.#options.identity
    try {
      const line = parseJournalLine(text)
      return line.record.instance === instance && line.record.epoch === epoch ? line : undefined
    } catch {
      // Not a journal line: the callers say what follows from that.
      return undefined
    }
  }

  /** A journal that differs from what was shipped would give its numbers away a second time. */
  #compareWithShipped(offset: number): void {
    const { shipped, first } = this.#options
    if (!shipped) return
    if (shipped.n < first.firstN - 1) {
      throw this.#corrupt(
        `lines ${shipped.n + 1} to ${first.firstN - 1} are missing and not shipped`,
      )
    }
    if (shipped.n !== this.lastN) return
    if (shipped.hash !== this.lastHash) {
      throw this.#corrupt(`line ${this.lastN} is not the one that was shipped`)
    }
    this.shippedCursor = { segment: this.#segment, offset }
  }

  #badLine(): JournalError {
    const file = path.basename(this.#segment.path)
    return this.#corrupt(
      `line ${this.#lineNumber} of file \`${file}\` is not what was written there`,
    )
  }

  #corrupt(what: string): JournalError {
    return corrupt(this.#options.dir, what)
  }
}
