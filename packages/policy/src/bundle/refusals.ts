import { PolicyError, PolicyErrorCode } from '../errors.ts'

/** A bundle that is none, or that has something which no bundle may have. */
export function malformed(why: string, cause?: unknown): PolicyError {
  return new PolicyError(
    PolicyErrorCode.bundleMalformed,
    `the bundle ${why}: build it again, or see that it came over whole`,
    { cause },
  )
}
