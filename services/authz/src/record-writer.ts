import { type JournalPosition, messageOf, RecordClass } from '@verdict/contract'
import type { Journal } from '@verdict/journal'
import type { Waiter } from './deadline.ts'
import { AuthzError, AuthzErrorCode } from './errors.ts'
import type { JournalEvents } from './journal-events.ts'

/** Who waits for the stream is told this long before nobody waits for the answer any more. */
const ANSWER_MS = 20

export interface RecordWriterOptions {
  readonly journal: Pick<Journal, 'append'>
  /** Where no route and no policy says otherwise. Default: `journal`. */
  readonly recordClass?: RecordClass
  /** Whether the stream has a record before the time has passed. Default: it never has. */
  readonly stored?: (n: number, timeoutMs: number) => Promise<boolean>
  /** Told of records that are dropped; without it there is no `best_effort`. */
  readonly journalEvents?: Pick<JournalEvents, 'dropped' | 'write'>
  /** A decision may be answered, as far as its record is concerned. */
  readonly onRecorded?: (recordClass: RecordClass) => void
}

/** Puts records into the journal, as well as their class asks for. */
export class RecordWriter {
  readonly #options: RecordWriterOptions

  constructor(options: RecordWriterOptions) {
    this.#options = options
  }

  /** The class that holds, by the first that says one: the policy's answer, the route, the setting. */
  classOf(...said: readonly (RecordClass | undefined)[]): RecordClass {
    const { recordClass = RecordClass.journal } = this.#options
    return said.find((one) => one !== undefined) ?? recordClass
  }

  /**
   * Resolves when the record is as safe as its class asks for.
   * @throws {AuthzError} `record_failed`, `record_unreplicated`
   */
  async write(
    encode: (position: JournalPosition) => string,
    recordClass: RecordClass,
    { deadlineMs }: Pick<Waiter, 'deadlineMs'>,
  ): Promise<void> {
    const { journal, journalEvents, onRecorded } = this.#options
    journalEvents?.write()
    const appended = journal.append(encode)
    if (recordClass === RecordClass.bestEffort && journalEvents !== undefined) {
      appended.catch((error: unknown) => journalEvents.dropped(error))
      onRecorded?.(recordClass)
      return
    }
    const { n } = await appended.catch((thrown: unknown) => {
      const why = `the decision can't be recorded: ${messageOf(thrown)}`
      throw new AuthzError(AuthzErrorCode.recordFailed, why, { cause: thrown })
    })
    if (recordClass === RecordClass.replicated) await this.#replicated(n, deadlineMs)
    onRecorded?.(recordClass)
  }

  async #replicated(n: number, deadlineMs: number): Promise<void> {
    const timeoutMs = Math.max(0, deadlineMs - performance.now() - ANSWER_MS)
    if (await this.#options.stored?.(n, timeoutMs)) return
    const why = 'the record is in the journal, and was not in the stream in time'
    throw new AuthzError(AuthzErrorCode.recordUnreplicated, why)
  }
}
