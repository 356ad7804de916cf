import { type DecisionId, isDecisionId } from '@verdict/contract'
import { HttpError, HttpErrorCode } from '@verdict/service'
import type { Store } from '../store.ts'
import type { Parameter } from './parameters.ts'

const TIME_DIGITS = 12

/** The part of a path that names a decision. */
export const decisionId: Parameter<DecisionId> = {
  form: 'the id of a decision, a UUIDv7 in lower case',
  parse: (text) => (isDecisionId(text) ? text : undefined),
}

/** Why there is nothing: pruned, where decisions of its time were, else not known. */
export function notInLog(id: DecisionId, store: Store): HttpError {
  // The time is in the first 48 bits of a UUIDv7.
  const timeMs = Number.parseInt(id.replaceAll('-', '').slice(0, TIME_DIGITS), 16)
  if (store.retention.hasPruned(timeMs)) {
    const message = `the records of the time of decision \`${id}\` were pruned: only hashes are kept`
    return new HttpError(HttpErrorCode.pruned, message)
  }
  const why = 'it was not taken, or its record is still on the way: ask again'
  return new HttpError(HttpErrorCode.notFound, `decision \`${id}\` is not in the log: ${why}`)
}
