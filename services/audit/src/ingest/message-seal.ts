import { type ControlLine, type JournalLine, sealKeyId } from '@verdict/contract'
import { type FindingKind, FindingKind as Kind, type NewFinding } from '../chain/finding.ts'
import type { LogIndex } from '../index/log-index.ts'
import type { JournalMessage } from './journal-message.ts'
import type { LeafLog } from './recorder.ts'
import type { SealJudge } from './seal-judge.ts'

export interface MessageSealParts {
  readonly log: LeafLog
  readonly index: LogIndex
  readonly judge: SealJudge
  readonly note: (finding: NewFinding) => void
}

/** The control lines of messages: what of them is a leaf, and what a finding. */
export class MessageSeal {
  readonly #parts: MessageSealParts

  constructor(parts: MessageSealParts) {
    this.#parts = parts
  }

  /** Takes in the keys of a message: before its lines, for they may be sealed by them. */
  takeKeys(controls: readonly ControlLine[], message: JournalMessage): void {
    const { index, judge, log } = this.#parts
    for (const control of controls) {
      if (control.kind !== 'journalKey') continue
      const { journalKey, json } = control
      const { instance, epoch, from, key } = journalKey
      if (index.journalKeys.find(journalKey, key) !== undefined) continue
      const problem = judge.keyProblem(journalKey, message.subject)
      if (problem === undefined) {
        const leaf = Buffer.from(json)
        index.takeJournalKey(journalKey, log.append(leaf), leaf.length)
      } else {
        const id = sealKeyId(key)
        this.#parts.note({
          kind: Kind.unendorsedKey,
          key: `unendorsed_key ${epoch} ${from} ${id} ${instance}`,
          ...{ instance, epoch, from, seq: message.seq },
          detail: `the key \`${id}\` is not trusted: ${problem}`,
          evidence: leafless(json),
        })
      }
    }
  }

  /** Takes in the seal of a message, behind its lines; `stored` are those that are new. */
  takeSeal(
    content: { readonly lines: readonly JournalLine[]; readonly controls: readonly ControlLine[] },
    stored: readonly JournalLine[],
    message: JournalMessage,
  ): void {
    const seals = content.controls.filter((control) => control.kind === 'seal')
    const [control] = seals
    if (control === undefined) {
      if (stored.length > 0) this.#noteLines(Kind.unsealed, stored, message, 'no seal')
      return
    }
    const { index, judge, log } = this.#parts
    const { seal, json } = control
    const several = seals.length > 1 ? 'there is more than one' : undefined
    const problem = several ?? judge.sealProblem(seal, content.lines, message)
    if (problem !== undefined) {
      const why = `the seal does not hold: ${problem}`
      this.#noteLines(Kind.badSeal, content.lines, message, why, leafless(json))
      return
    }
    const chain = index.chains.of(seal.instance, seal.epoch)
    if (stored.length === 0 && seal.n <= index.journalKeys.sealedTo(chain.id)) return
    const leaf = Buffer.from(json)
    index.takeSeal(seal, log.append(leaf), leaf.length)
  }

  #noteLines(
    kind: FindingKind,
    lines: readonly JournalLine[],
    { seq }: JournalMessage,
    detail: string,
    evidence?: Uint8Array,
  ): void {
    const [first] = lines
    const last = lines.at(-1)
    if (first === undefined || last === undefined) return
    const { instance, epoch, n: from } = first.record
    const { n: to } = last.record
    this.#parts.note({
      kind,
      key: `${kind} ${epoch} ${from} ${to} ${seq} ${instance}`,
      ...{ instance, epoch, from, to, seq, detail },
      ...(evidence === undefined ? undefined : { evidence }),
    })
  }
}

/** What a finding is about, and no leaf of the log. */
function leafless(json: string): Uint8Array {
  return Buffer.from(`${json}\n`)
}
