import { KeyAlgorithm, type NoteVerifier, parseVerifierKey, TlogError } from '@verdict/tlog'
import { CliError, CliErrorCode } from '../errors.ts'

/** More keys of logs are refused: each costs time at each request of its log. */
export const LOG_KEYS_MAX = 256
/** A cosignature says in one byte how long the name of its log is. */
const ORIGIN_BYTES_MAX = 255

/** The keys of the logs that are witnessed, by their origins; a log may have several. */
export type WitnessedLogs = ReadonlyMap<string, readonly NoteVerifier[]>

/** The keys in a file: one a line, `#` begins a comment. */
export function logKeyLines(text: string): string[] {
  const lines = text.split('\n').map((line) => line.trim())
  return lines.filter((line) => line !== '' && !line.startsWith('#'))
}

/** @throws {CliError} `witness_logs_invalid` */
export function parseWitnessedLogs(vkeys: readonly string[]): WitnessedLogs {
  if (vkeys.length === 0) throw invalid('there is none: name one with `--log` or `--logs`')
  if (vkeys.length > LOG_KEYS_MAX) throw invalid(`there are more than ${LOG_KEYS_MAX} keys`)
  const logs = new Map<string, NoteVerifier[]>()
  for (const vkey of new Set(vkeys)) {
    const verifier = logKey(vkey)
    const { name } = verifier
    const keys = logs.get(name) ?? []
    if (keys.some(({ keyId }) => keyId === verifier.keyId)) {
      throw invalid(`two keys of \`${name}\` have one id`)
    }
    logs.set(name, [...keys, verifier])
  }
  return logs
}

function logKey(vkey: string): NoteVerifier {
  const shown = vkey.length > 80 ? `${vkey.slice(0, 80)}…` : vkey
  let verifier: NoteVerifier
  try {
    verifier = parseVerifierKey(vkey)
  } catch (error) {
    if (!(error instanceof TlogError)) throw error
    throw invalid(`\`${shown}\`: ${error.message}`, error)
  }
  if (verifier.algorithm === KeyAlgorithm.ed25519Cosignature) {
    throw invalid(`\`${shown}\` is the key of a witness`)
  }
  if (Buffer.byteLength(verifier.name) > ORIGIN_BYTES_MAX) {
    throw invalid(`\`${shown}\`: its name has more than ${ORIGIN_BYTES_MAX} bytes`)
  }
  return verifier
}

function invalid(what: string, cause?: unknown): CliError {
  return new CliError(CliErrorCode.witnessLogsInvalid, `the logs to be witnessed: ${what}`, {
    cause,
  })
}
