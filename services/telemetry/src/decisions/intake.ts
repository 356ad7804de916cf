import {
  isJournalEvent,
  type JournalLine,
  messageOf,
  parseJournalBatch,
  subjects,
} from '@verdict/contract'
import type { Events } from '../events.ts'
import { isCountable } from './labels.ts'
import { SeenPlaces } from './seen-places.ts'

/** One message of the stream DECISIONS. */
export interface JournalMessage {
  readonly data: Uint8Array
  readonly subject: string
  readonly seq: number
}

/**
 * Counts the decisions of a message, each once, although messages repeat. It verifies no chain:
 * audit does that, and nothing is decided by these figures.
 */
export class Intake {
  readonly #seen = new SeenPlaces()
  readonly #events: Events

  constructor(events: Events) {
    this.#events = events
  }

  take({ data, subject, seq }: JournalMessage): void {
    for (const { record } of this.#linesOf(data, seq)) {
      if (subjects.journal(record.instance) !== subject) this.#events.refused('foreign_instance')
      else if (isJournalEvent(record)) continue
      else if (!isCountable(record)) this.#events.refused('malformed_record')
      else if (this.#seen.add(record)) this.#events.decided(record)
      else this.#events.repeated()
    }
  }

  /** A message that can't be read now never can be: it is counted, and done with. */
  #linesOf(data: Uint8Array, seq: number): JournalLine[] {
    try {
      return parseJournalBatch(data).lines
    } catch (error) {
      this.#events.malformed({ seq, detail: messageOf(error) })
      return []
    }
  }
}
