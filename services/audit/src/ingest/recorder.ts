import { hash } from 'node:crypto'
import { type DecisionRecord, isDecisionLine, type JournalLine } from '@verdict/contract'
import type { Chain, Place } from '../chain/chains.ts'
import { type Finding, FindingKind, type NewFinding } from '../chain/finding.ts'
import type { LogIndex } from '../index/log-index.ts'
import { decisionLeaf, findingLeaves, readLeaf, resolvedLeaf } from '../log/leaf.ts'
import type { JournalContent, JournalMessage } from './journal-message.ts'
import { MessageSeal } from './message-seal.ts'
import type { PinnedKeys } from './pinned-keys.ts'
import { SealJudge } from './seal-judge.ts'

/** A record that is in the log. */
export interface RecordedDecision {
  readonly index: number
  readonly hash: string
  readonly json: string
  readonly record: DecisionRecord
}

/** A record of a journal that is in the log: a decision, or an event of its decision point. */
export interface RecordedLine extends JournalLine {
  readonly index: number
  readonly leaf: number
}

/** What one message has brought. */
export interface Recorded {
  /** All that subscribers are told of: new in the log, and in it already. */
  readonly told: { readonly fresh: RecordedLine[]; readonly again: RecordedLine[] }
  /** New in the log, in its order. */
  readonly stored: RecordedDecision[]
  /** In the log already: delivered or sent again. */
  readonly known: RecordedDecision[]
  /** Newly noticed. */
  readonly findings: Finding[]
  /** Gaps that are closed now. */
  readonly resolved: Finding[]
}

export function nothingRecorded(): Recorded {
  return { told: { fresh: [], again: [] }, stored: [], known: [], findings: [], resolved: [] }
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
  /** The keys by which decision points must seal; without them the first of each is trusted. */
  readonly pinnedKeys?: PinnedKeys | undefined
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
 * What is found is a leaf of the log as well, and so is that a gap was closed; and so are the keys
 * of the decision points, and the seals that hold.
 */
export class Recorder {
  readonly #parts: RecorderParts
  readonly #judge: SealJudge

  constructor(parts: RecorderParts) {
    this.#parts = parts
    this.#judge = new SealJudge(parts.index.journalKeys, parts.pinnedKeys)
  }

  record(message: JournalMessage, content: JournalContent): Recorded {
    const recorded = nothingRecorded()
    if ('malformed' in content) {
      this.note(recorded, malformed(message, content.malformed))
      return recorded
    }
    const note = (finding: NewFinding): void => this.note(recorded, finding)
    const seal = new MessageSeal({ ...this.#parts, judge: this.#judge, note })
    seal.takeKeys(content.controls, message)
    const isNew = (line: JournalLine): boolean => this.recordLine(line, message, recorded)
    seal.takeSeal(content, content.lines.filter(isNew), message)
    if (content.foreign.length > 0) this.note(recorded, foreign(message, content.foreign))
    return recorded
  }

  /** Whether the line is new in the log. */
  recordLine(line: JournalLine, message: { seq: number }, recorded: Recorded): boolean {
    const { chains } = this.#parts.index
    const { epoch, instance, n } = line.record
    const chain = chains.of(instance, epoch)
    const taken = chains.at(chain, n)
    if (taken) {
      this.#meet(line, taken, message, recorded)
      return false
    }
    // What it was is gone, so nobody can tell whether this is the same: the first one counts.
    if (this.#parts.index.isPruned(chain, n)) return false
    if (n > chain.last + 1) this.#noteGap(chain, n, message, recorded)
    this.#store(line, message, recorded)
    return true
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
    // It was pruned just now, so nobody can tell whether this is the same: the first one counts.
    if (entry === undefined) return
    if (entry.hash === line.hash && entry.json === line.json) {
      if (isDecisionLine(line)) recorded.known.push({ ...line, index: taken.index })
      const leaf = this.#parts.index.leafOf(taken.index)
      recorded.told.again.push({ ...line, index: taken.index, leaf })
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
    const bytes = decisionLeaf(line)
    const leaf = log.append(bytes)
    const taken = index.takeDecision(line, leaf, bytes.length)
    recorded.told.fresh.push({ ...line, index: taken.index, leaf })
    if (isDecisionLine(line)) recorded.stored.push({ ...line, index: taken.index })
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
