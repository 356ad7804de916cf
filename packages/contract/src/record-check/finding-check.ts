import { createHash, type Hash } from 'node:crypto'
import { ContradictionErrorCode, LogContradiction } from './errors.ts'

/** What of a finding is checked here; each field is as it is in the log, and may be anything. */
export interface LoggedFinding {
  readonly kind: string
  readonly key?: string
  readonly instance?: string
  readonly epoch?: number
  readonly from?: number
  readonly to?: number
  readonly evidence?: { readonly bytes: number; readonly leaves: number; readonly sha256: string }
}

interface Awaited {
  readonly finding: number
  readonly bytes: number
  readonly sha256: string
  readonly hash: Hash
  leaves: number
  seen: number
}

/** A finding as it was logged; undefined where the leaf is none. */
export function findingOf(body: unknown): LoggedFinding | undefined {
  const { kind } = { ...(body as object) } as { kind?: unknown }
  return typeof kind === 'string' ? (body as LoggedFinding) : undefined
}

/** The evidence behind a finding: as many leaves, and the bytes, as the finding says. */
export class EvidenceCheck {
  #awaited: Awaited | undefined

  /** @throws {LogContradiction} `evidence_differs` */
  begin(finding: LoggedFinding, leaf: number): void {
    const { evidence } = finding
    if (evidence === undefined) return
    const { bytes, leaves, sha256 } = evidence
    this.#awaited = { finding: leaf, bytes, leaves, sha256, seen: 0, hash: createHash('sha256') }
    if (leaves === 0) this.#end(leaf)
  }

  /** @throws {LogContradiction} `evidence_differs` */
  take(part: unknown, leaf: number): void {
    const awaited = this.#awaited
    if (awaited === undefined) throw differs(leaf, leaf, 'comes behind none')
    const bytes = Buffer.from(String(part), 'base64')
    awaited.hash.update(bytes)
    awaited.seen += bytes.length
    awaited.leaves -= 1
    if (awaited.leaves <= 0) this.#end(leaf)
  }

  /** Another leaf comes, or the end. @throws {LogContradiction} `evidence_differs` */
  others(leaf: number): void {
    if (this.#awaited === undefined) return
    throw differs(this.#awaited.finding, leaf, 'is not complete')
  }

  #end(leaf: number): void {
    const awaited = this.#awaited
    this.#awaited = undefined
    if (awaited === undefined) return
    if (awaited.seen === awaited.bytes && awaited.hash.digest('hex') === awaited.sha256) return
    throw differs(awaited.finding, leaf, 'is not the bytes that its finding is about')
  }
}

function differs(from: number, to: number, what: string): LogContradiction {
  const message = `the evidence of a finding ${what}`
  return new LogContradiction(ContradictionErrorCode.evidenceDiffers, message, { from, to })
}
