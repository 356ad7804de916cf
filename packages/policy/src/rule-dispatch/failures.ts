import { PolicyError, PolicyErrorCode } from '../errors.ts'

/** Whether OPA did not read the rules, or could not tell all of them: then they stay as they are. */
export function isTold(error: unknown): error is Error {
  if (error instanceof TypeError) return true
  return error instanceof PolicyError && error.code === PolicyErrorCode.opaFailed
}
