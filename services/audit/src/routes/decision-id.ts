import { type DecisionId, isDecisionId } from '@verdict/contract'
import { HttpError, HttpErrorCode } from '@verdict/service'
import type { Parameter } from './parameters.ts'

/** The part of a path that names a decision. */
export const decisionId: Parameter<DecisionId> = {
  form: 'the id of a decision, a UUIDv7 in lower case',
  parse: (text) => (isDecisionId(text) ? text : undefined),
}

export function notInLog(id: DecisionId): HttpError {
  const why = 'it was not taken, or its record is still on the way: ask again'
  return new HttpError(HttpErrorCode.notFound, `decision \`${id}\` is not in the log: ${why}`)
}
