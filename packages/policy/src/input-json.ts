import { messageOf } from '@verdict/contract'
import { PolicyError, PolicyErrorCode } from './errors.ts'
import type { WriteRead } from './plan/read-json.ts'

/**
 * What is read of the input of a policy, as JSON. JavaScript writes half of a surrogate pair as an
 * escape, which the module refuses; OPA itself reads U+FFFD there, and so does this, so that no
 * body of a request can make its decision fail.
 * @throws {PolicyError} `input_malformed`
 */
export function jsonOf(input: unknown, write: WriteRead): string {
  let json: string | undefined
  try {
    // A writer takes any value: what is no object is written whole.
    json = write(input as object)
  } catch (cause) {
    throw new PolicyError(
      PolicyErrorCode.inputMalformed,
      `the input cannot be written as JSON: ${messageOf(cause)}`,
      { cause },
    )
  }
  if (json === undefined) {
    throw new PolicyError(PolicyErrorCode.inputMalformed, `a ${typeof input} is no value of JSON`)
  }
  return json.includes('\\ud') ? withoutHalves(json) : json
}

/** Reads escaped backslashes along, since `\\ud800` is no escape of a surrogate. */
function withoutHalves(json: string): string {
  return json.replaceAll(/\\(?:\\|u(d[89a-f][0-9a-f]{2}))/g, (sequence, half) =>
    half === undefined ? sequence : '\ufffd',
  )
}
