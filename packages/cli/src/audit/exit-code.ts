import { RecordCheckErrorCode, VerdictError } from '@verdict/contract'
import { TlogErrorCode } from '@verdict/tlog'
import { ExitCode } from '../command.ts'
import { CliErrorCode } from '../errors.ts'
import { printable, type Terminal } from '../terminal.ts'

/** What kept a command from finding anything out. */
const FAULTS: readonly string[] = [
  CliErrorCode.auditUnavailable,
  CliErrorCode.badFile,
  CliErrorCode.streamRefused,
  RecordCheckErrorCode.checkTooLarge,
  // Of what was given on the command line.
  TlogErrorCode.noteKeyMalformed,
  TlogErrorCode.trustPolicyMalformed,
]

/**
 * Says what went wrong, and how the command ends by it: with 3 where nothing could be found out,
 * with 1 where something was.
 */
export function exitCodeOf(error: unknown, terminal: Terminal): number {
  if (!(error instanceof VerdictError) || error.code === CliErrorCode.usage) throw error
  terminal.error(`${terminal.paint('red', 'verdict:')} ${printable(error.message)}`)
  return isFault(error) ? ExitCode.fault : ExitCode.failed
}

export function isFault(error: unknown): boolean {
  return error instanceof VerdictError && FAULTS.includes(error.code)
}
