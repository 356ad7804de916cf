import { hash } from 'node:crypto'
import type { DecisionRecord, JournalLine } from '@verdict/contract'
import type { Chain, Place } from '../chain/chains.ts'
import { type Finding, FindingKind, type NewFinding } from '../chain/finding.ts'
import type { LogIndex } from '../index/log-index.ts'
import { decisionLeaf, findingLeaves, readLeaf, resolvedLeaf } from '../log/leaf.ts'
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

/** The log as it is written. */
export interface LeafLog {
  append(leaf: Uint8Array): number
}

export interface RecorderParts {
  readonly log: LeafLog
  readonly index: LogIndex
  readonly now: () => number
  /** What an older store has written down of a finding, when it is brought over. */
  readonly recall?: (key: string) => Recalled | undefined
}

/** A finding as it was written down before. */
export interface Recalled {
  readonly seq: number
  readonly noticedAt: string
  readonly resolvedAt?: string
}

/**
 * Verifies the place of each line and appends what follows from it; the caller commits.
 *
 * - A place that is taken by the same line: known, nothing is written.
 * - A place that is taken by another line: the log keeps the first, the second is the evidence of a
 *   `conflict`.
 * - A chain hash that does not follow from the line before: the line is in the log all the same,
 *   because a record that is kept and marked says more than one that is refused; its link is
 *   `broken`, a `broken_chain` tells of it, and the chain goes on from the hash that it claims.
 * - A place beyond the next one: a `gap`. The line is in the log, `unlinked` until the line before
 *   it arrives; then the link is verified, so that nobody can fill a gap with lines of their own.
 *
 * What is found is a leaf of the log as well, and so is that a gap was closed.
 */
export class Recorder {
  readonly #parts: RecorderParts

  constructor(parts: RecorderParts) {
    this.#parts = parts
  }

  record(message: JournalMessage, content: JournalContent): Recorded {
    const recorded: Recorded = { stored: [], known: [], findings: [], resolved: [] }
    if ('malformed' in content) {
      this.note(recorded, malformed(message, content.malformed))
      return recorded
    }
    for (const line of content.lines) this.recordLine(line, message, recorded)
    if (content.foreign.length > 0) this.note(recorded, foreign(message, content.foreign))
    return recorded
  }

  recordLine(line: JournalLine, message: { seq: number }, recorded: Recorded): void {
    const { chains } = this.#parts.index
    const { epoch, instance, n } = line.record
    const chain = chains.of(instance, epoch)
    const taken = chains.at(chain, n)
    if (taken) {
      this.#meet(line, taken, message, recorded)
      return
    }
    if (n > chain.last + 1) this.#noteGap(chain, n, message, recorded)
    this.#store(line, message, recorded)
  }

  /** Writes a finding down, with its evidence, unless it is on the record. */
  note(recorded: Recorded, finding: NewFinding): void {
    const { index, log, now, recall } = this.#parts
    if (index.findings.isKnown(finding.key)) return
    const recalled = recall?.(finding.key)
    const noticedAt = recalled?.noticedAt ?? new Date(now()).toISOString()
    const seq = recalled?.seq ?? finding.seq
    const [first, ...evidence] = findingLeaves({ ...finding, seq }, noticedAt)
    if (first === undefined) return
    const leaf = readLeaf(first)
    if (leaf.kind !== 'finding') return
    const noted = index.takeFinding(leaf.finding, log.append(first), first.length)
    for (const part of evidence) index.takeOther(log.append(part), part.length)
    if (noted) recorded.findings.push(noted)
  }

  /** A line whose place is taken: the same again, or a contradiction. */
  #meet(line: JournalLine, taken: Place, message: { seq: number }, recorded: Recorded): void {
    const entry = this.#parts.index.read(taken.index)
    if (entry && entry.hash === line.hash && entry.json === line.json) {
      recorded.known.push({ ...line, index: taken.index })
      return
    }
    const { instance, epoch, n } = line.record
    const text = `${line.hash} ${line.json}\n`
    this.note(recorded, {
      kind: FindingKind.conflict,
      key: `conflict ${epoch} ${n} ${digest(text)} ${instance}`,
      ...{ instance, epoch, from: n, to: n, seq: message.seq },
      detail: `another line claims the place of index ${taken.index}`,
      evidence: Buffer.from(text),
    })
  }

  #store(line: JournalLine, message: { seq: number }, recorded: Recorded): void {
    const { index, log } = this.#parts
    const leaf = decisionLeaf(line)
    const taken = index.takeDecision(line, log.append(leaf), leaf.length)
    recorded.stored.push({ ...line, index: taken.index })
    for (const n of taken.broken) this.#noteBroken(line, n, message, recorded)
    if (taken.closedFinding !== undefined) this.#resolve(taken.closedFinding, recorded)
  }

  #resolve(finding: number, recorded: Recorded): void {
    const { index, log, now, recall } = this.#parts
    const key = index.findings.keyOf(finding)
    if (key === undefined) return
    const resolved = { key, at: recall?.(key)?.resolvedAt ?? new Date(now()).toISOString() }
    const leaf = resolvedLeaf(resolved)
    const closed = index.takeResolved(resolved, log.append(leaf), leaf.length)
    if (closed) recorded.resolved.push(closed)
  }

  #noteGap(chain: Chain, n: number, message: { seq: number }, recorded: Recorded): void {
    const { instance, epoch, last } = chain
    const gap = { from: last + 1, to: n - 1 }
    this.note(recorded, {
      kind: FindingKind.gap,
      key: `gap ${epoch} ${gap.from} ${instance}`,
      ...{ instance, epoch, ...gap, seq: message.seq },
      detail: `${n - 1 - last} records before this one have not arrived`,
    })
  }

  #noteBroken(
    { record: { instance, epoch } }: JournalLine,
    n: number,
    message: { seq: number },
    recorded: Recorded,
  ): void {
    this.note(recorded, {
      kind: FindingKind.brokenChain,
      key: `broken_chain ${epoch} ${n} ${instance}`,
      ...{ instance, epoch, from: n, to: n, seq: message.seq },
      detail: 'the chain hash does not follow from the line before: one of the two was changed',
    })
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
