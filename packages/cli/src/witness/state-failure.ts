import { messageOf, VerdictError } from '@verdict/contract'
import { CliError, CliErrorCode } from '../errors.ts'

/**
 * Reads or writes what is in a state directory; any fault of it ends the witness.
 * @throws {CliError} `witness_state_failed`, and our own errors as they are
 */
export function onDisk<T>(dir: string, work: () => T): T {
  try {
    return work()
  } catch (cause) {
    if (cause instanceof VerdictError) throw cause
    throw new CliError(
      CliErrorCode.witnessStateFailed,
      `the state of the witness in \`${dir}\` can't be read or written: ${messageOf(cause)}`,
      { cause },
    )
  }
}
