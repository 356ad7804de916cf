import { hash } from 'node:crypto'
import { chainHash, type DecisionRecord, genesisHash, type JournalLine } from '@verdict/contract'
import { type Chain, type Chains, Link, type Place } from '../chain/chains.ts'
import { type Finding, FindingKind, type NewFinding } from '../chain/finding.ts'
import type { Findings } from '../chain/findings.ts'
import type { Gaps } from '../chain/gaps.ts'
import type { DecisionLog } from '../log/decision-log.ts'
import type { SearchIndex } from '../search/search-index.ts'
import type { JournalContent, JournalMessage } from './journal-message.ts'

/** A record that is in the log. */
export interface RecordedDecision {
  readonly index: number
  readonly hash: string
  readonly json: string
  readonly record: DecisionRecord
}

/** What one message has brought. */
export interface Recorded {
  /** New in the log, in its order. */
  readonly stored: RecordedDecision[]
  /** In the log already: delivered or sent again. */
  readonly known: RecordedDecision[]
  /** Newly noticed. */
  readonly findings: Finding[]
  /** Gaps that are closed now. */
  readonly resolved: Finding[]
}

export interface RecorderParts {
  readonly log: DecisionLog
  readonly chains: Chains
  readonly gaps: Gaps
  readonly findings: Findings
  readonly search: SearchIndex
  readonly now: () => number
}

/**
 * Verifies the place of each line and writes what follows from it; the caller holds a transaction.
 *
 * - A place that is taken by the same line: known, nothing is written.
 * - A place that is taken by another line: the log keeps the first, the second is the evidence of a
 *   `conflict`.
 * - A chain hash that does not follow from the line before: the line is in the log all the same,
 *   because a record that is kept and marked says more than one that is refused; its link is
 *   `broken`, a `broken_chain` tells of it, and the chain goes on from the hash that it claims.
 * - A place beyond the next one: a `gap`. The line is in the log, `unlinked` until the line before
 *   it arrives; then the link is verified, so that nobody can fill a gap with lines of their own.
 */
export class Recorder {
  readonly #parts: RecorderParts

  constructor(parts: RecorderParts) {
    this.#parts = parts
  }

  record(message: JournalMessage, content: JournalContent): Recorded {
    const recorded: Recorded = { stored: [], known: [], findings: [], resolved: [] }
    if ('malformed' in content) {
      this.#note(recorded, malformed(message, content.malformed))
      return recorded
    }
    for (const line of content.lines) this.#recordLine(line, message, recorded)
    if (content.foreign.length > 0) this.#note(recorded, foreign(message, content.foreign))
    this.#parts.chains.flush()
    return recorded
  }

  #recordLine(line: JournalLine, message: JournalMessage, recorded: Recorded): void {
    const { chains } = this.#parts
    const chain = chains.of(line.record.instance, line.record.epoch)
    const taken = chains.at(chain, line.record.n)
    if (taken) this.#meet(line, taken, message, recorded)
    else this.#store(line, chain, message, recorded)
  }

  /** A line whose place is taken: the same again, or a contradiction. */
  #meet(line: JournalLine, taken: Place, message: JournalMessage, recorded: Recorded): void {
    const entry = this.#parts.log.read(taken.index)
    if (entry?.hash === line.hash && entry.json === line.json) {
      recorded.known.push({ ...line, index: taken.index })
      return
    }
    const { instance, epoch, n } = line.record
    const text = `${line.hash} ${line.json}\n`
    this.#note(recorded, {
      kind: FindingKind.conflict,
      key: `conflict ${epoch} ${n} ${digest(text)} ${instance}`,
      ...{ instance, epoch, from: n, to: n, seq: message.seq },
      detail: `another line claims the place of index ${taken.index}`,
      evidence: Buffer.from(text),
    })
  }

  #store(line: JournalLine, chain: Chain, message: JournalMessage, recorded: Recorded): void {
    const { chains, gaps, log, search } = this.#parts
    const { n } = line.record
    if (n > chain.last + 1) this.#openGap(chain, n, message, recorded)
    const link = this.#linkOf(line.hash, line.json, this.#hashBefore(chain, n))
    const index = log.append(line)
    chains.take(chain, n, { index, link })
    search.add(index, line.record)
    recorded.stored.push({ ...line, index })
    if (link === Link.broken) this.#noteBroken(chain, n, message, recorded)
    if (n > chain.last) {
      chains.advance(chain, { n, hash: line.hash, nowMs: this.#parts.now() })
      return
    }
    const { closedFinding } = gaps.fill(chain.id, n)
    const closed = closedFinding && this.#parts.findings.resolve(closedFinding)
    if (closed) recorded.resolved.push(closed)
    this.#linkNext(line, chain, message, recorded)
  }

  /** Verifies the line after one that came late. */
  #linkNext(line: JournalLine, chain: Chain, message: JournalMessage, recorded: Recorded): void {
    const { chains, log } = this.#parts
    const n = line.record.n + 1
    const next = chains.at(chain, n)
    const entry = next && log.read(next.index)
    if (!entry) return
    const link = this.#linkOf(entry.hash, entry.json, line.hash)
    chains.setLink(chain, n, link)
    if (link === Link.broken) this.#noteBroken(chain, n, message, recorded)
  }

  #linkOf(claimed: string, json: string, before: string | undefined): Link {
    if (before === undefined) return Link.unlinked
    return chainHash(before, json) === claimed ? Link.linked : Link.broken
  }

  #hashBefore(chain: Chain, n: number): string | undefined {
    if (n === 1) return genesisHash(chain.instance, chain.epoch)
    if (n === chain.last + 1) return chain.lastHash
    const before = this.#parts.chains.at(chain, n - 1)
    return before && this.#parts.log.read(before.index)?.hash
  }

  #openGap(chain: Chain, n: number, message: JournalMessage, recorded: Recorded): void {
    const { id, instance, epoch, last } = chain
    const gap = { from: last + 1, to: n - 1 }
    const finding = this.#note(recorded, {
      kind: FindingKind.gap,
      key: `gap ${epoch} ${gap.from} ${instance}`,
      ...{ instance, epoch, ...gap, seq: message.seq },
      detail: `${n - 1 - last} records before this one have not arrived`,
    })
    if (finding) this.#parts.gaps.open(id, gap, finding.id)
  }

  #noteBroken(chain: Chain, n: number, message: JournalMessage, recorded: Recorded): void {
    const { instance, epoch } = chain
    this.#note(recorded, {
      kind: FindingKind.brokenChain,
      key: `broken_chain ${epoch} ${n} ${instance}`,
      ...{ instance, epoch, from: n, to: n, seq: message.seq },
      detail: 'the chain hash does not follow from the line before: one of the two was changed',
    })
  }

  #note(recorded: Recorded, finding: NewFinding): Finding | undefined {
    const noted = this.#parts.findings.add(finding)
    if (noted) recorded.findings.push(noted)
    return noted
  }
}

function malformed({ seq, data }: JournalMessage, detail: string): NewFinding {
  const key = `malformed_batch ${seq} ${digest(data)}`
  return { kind: FindingKind.malformedBatch, key, seq, detail, evidence: data }
}

function foreign(
  { seq, data, subject }: JournalMessage,
  lines: readonly JournalLine[],
): NewFinding {
  const instances = new Set(lines.map(({ record }) => record.instance))
  const [instance = ''] = instances
  return {
    kind: FindingKind.foreignInstance,
    key: `foreign_instance ${seq} ${digest(data)}`,
    ...{ instance, seq },
    detail: `${lines.length} records of ${instances.size} instances came under \`${subject}\``,
    evidence: data,
  }
}

function digest(data: string | Uint8Array): string {
  return hash('sha256', data, 'base64url')
}
