import { type DecisionId, Outcome } from '@verdict/contract'
import type { Waiter } from './deadline.ts'
import { unenforced } from './dry-run.ts'
import { AuthzError } from './errors.ts'
import { FAULT_STATUS, GONE, UNRECORDED } from './fault.ts'
import { type Findings, recordOf } from './record.ts'
import { RecordEncoder, type RecordEncoderOptions } from './record-rules/record-encoder.ts'
import { RecordWriter, type RecordWriterOptions } from './record-writer.ts'
import type { DecisionRequest } from './request.ts'
import { type Ruling, removedHeaders, toldStatus } from './ruling.ts'

/** A decision that is on record: what the adapter tells the caller. */
export interface Answer extends Ruling {
  readonly id: DecisionId
  /** The record has a denial, and the caller is let through. */
  readonly enforced?: false
  /** The HTTP status that the caller is told. */
  readonly status: number
  /** What the upstream must not see: what the policy says, and headers in our name. */
  readonly headersToRemove: readonly string[]
}

/** What is reported of a commit; see events.ts. */
export interface CommitEvents {
  decided(outcome: Outcome, request: DecisionRequest, unreadable: boolean): void
  faulted(fault: AuthzError, request: DecisionRequest): void
}

export interface CommitOptions extends RecordWriterOptions, RecordEncoderOptions {
  /** Denials are recorded, and not enforced. Default: false. */
  readonly dryRun?: boolean
  readonly events: CommitEvents
}

/** A request, and what was found out about it. */
export interface Considered {
  readonly request: DecisionRequest
  readonly findings: Findings
  readonly waiter: Waiter
}

/** Puts decisions on record, and makes of them what their callers are told. */
export class Commit {
  readonly #options: CommitOptions
  readonly #writer: RecordWriter
  readonly #encoder: RecordEncoder

  constructor(options: CommitOptions) {
    this.#options = options
    this.#writer = new RecordWriter(options)
    this.#encoder = new RecordEncoder(options)
  }

  /**
   * @throws {AuthzError} `record_failed`, `record_rule_failed`, `record_unreplicated`, and where the
   * caller has gone meanwhile
   */
  async decision({ request, findings, waiter }: Considered, ruling: Ruling): Promise<Answer> {
    const { outcome, result } = ruling
    const status = toldStatus(request, result)
    const enforced = outcome === Outcome.allow || this.#options.dryRun !== true
    const recordClass = this.#writer.classOf(result.recordClass, findings.recordClass)
    const verdict = { outcome, reason: result.reason, status, enforced, recordClass }
    const record = recordOf(request, findings, verdict)
    const encoded = this.#encoder.encode(record)
    const encode = encoded instanceof Promise ? await encoded : encoded
    await this.#writer.write(encode, recordClass, waiter)
    this.#options.events.decided(outcome, request, ruling.unreadable)
    if (waiter.gone) throw GONE
    const told = enforced ? ruling : unenforced(ruling)
    return {
      ...told,
      ...(enforced ? undefined : UNENFORCED),
      id: findings.id,
      status: enforced ? status : told.result.status,
      headersToRemove: told.result.allowed ? removedHeaders(request, told.result) : NO_HEADERS,
    }
  }

  /** Records a fault where that is possible, and makes of it what the caller is told. */
  async fault({ request, findings, waiter }: Considered, fault: AuthzError): Promise<AuthzError> {
    const { code, message } = fault
    if (waiter.gone) return GONE
    if (UNRECORDED.has(code)) return fault
    this.#options.events.faulted(fault, request)
    const recordClass = this.#writer.classOf(findings.recordClass)
    const status = FAULT_STATUS[code]
    const record = recordOf(request, findings, {
      ...{ outcome: Outcome.error, reason: code, status, recordClass },
    })
    try {
      const encode = await this.#encoder.encodeFault(record)
      await this.#writer.write(encode, recordClass, waiter)
    } catch {
      // The caller gets no decision either way; the journal tells of its own fault.
      return fault
    }
    this.#options.events.decided(Outcome.error, request, false)
    return new AuthzError(code, message, { cause: fault, decisionId: findings.id })
  }
}

const NO_HEADERS: readonly string[] = []
const UNENFORCED = { enforced: false } as const
