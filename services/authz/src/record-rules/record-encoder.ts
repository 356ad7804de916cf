import {
  type Decision,
  encodeEvent,
  encodeRecord,
  type JournalPosition,
  messageOf,
} from '@verdict/contract'
import { AuthzError, AuthzErrorCode } from '../errors.ts'
import type { ActivePolicies } from '../evaluate.ts'
import type { PersonalRecords } from '../personal/personal-records.ts'
import { ruledRecord } from './record-rules.ts'

/** Makes the line of a record, as soon as its place is known. */
export type Encode = (position: JournalPosition) => string

export interface RecordEncoderOptions {
  /** The policies that decide now, and say what of records is written down. */
  readonly policy?: () => ActivePolicies | undefined
  /** Encrypts what names a person; without it nothing is. */
  readonly personal?: PersonalRecords | undefined
}

/** Makes of the record of a decision what leaves the process: masked, encrypted, or only counted. */
export class RecordEncoder {
  readonly #options: RecordEncoderOptions

  constructor(options: RecordEncoderOptions) {
    this.#options = options
  }

  /** At once, but for the first record of a subject. @throws {AuthzError} also as a rejection */
  encode(record: Decision): Encode | Promise<Encode> {
    const { personal, policy } = this.#options
    const ruled = ruledRecord(policy?.(), record)
    if (ruled === undefined) return dropped(record)
    const written = personal?.protect(ruled, record) ?? ruled
    if (!(written instanceof Promise)) return (position) => encodeRecord(written, position)
    return written.then(
      (decision) => (position) => encodeRecord(decision, position),
      (thrown: unknown) => {
        const why = `the decision can't be recorded: ${messageOf(thrown)}`
        throw new AuthzError(AuthzErrorCode.recordFailed, why, { cause: thrown })
      },
    )
  }

  /** As `encode`, of a fault: where the rules can't tell what to mask of it, it is only counted. */
  async encodeFault(record: Decision): Promise<Encode> {
    try {
      return await this.encode(record)
    } catch (thrown) {
      if (!(thrown instanceof AuthzError)) throw thrown
      if (thrown.code !== AuthzErrorCode.recordRuleFailed) throw thrown
      return dropped(record)
    }
  }
}

/** That there was such a decision, in the place of its record. */
function dropped(record: Decision): Encode {
  const { outcome } = record
  return (position) => encodeEvent(record, { dropped: { count: 1, outcome } }, position)
}
