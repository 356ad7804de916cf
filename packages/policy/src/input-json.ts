import { messageOf } from '@verdict/contract'
import { PolicyError, PolicyErrorCode } from './errors.ts'

/**
 * The input of a policy as JSON. JavaScript writes half of a surrogate pair as an escape,
 * which the module refuses; OPA itself reads U+FFFD there, and so does this, so that no body of a
 * request can make its decision fail.
 * @throws {PolicyError} `input_malformed`
 */
export function jsonOf(input: object): string {
  let json: string
  try {
    json = JSON.stringify(input)
  } catch (cause) {
    throw new PolicyError(
      PolicyErrorCode.inputMalformed,
      `the input cannot be written as JSON: ${messageOf(cause)}`,
      { cause },
    )
  }
  return json.includes('\\ud') ? withoutHalves(json) : json
}

/** A buffer that holds the bytes and nothing else: the SDK reads all of it. */
export function exactBuffer(bytes: Uint8Array): ArrayBuffer {
  const { buffer, byteLength } = bytes
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) return buffer
  return new Uint8Array(bytes).buffer
}

/** Reads escaped backslashes along, since `\\ud800` is no escape of a surrogate. */
function withoutHalves(json: string): string {
  return json.replaceAll(/\\(?:\\|u(d[89a-f][0-9a-f]{2}))/g, (sequence, half) =>
    half === undefined ? sequence : '\ufffd',
  )
}
