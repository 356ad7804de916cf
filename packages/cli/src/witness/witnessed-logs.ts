import {
  createVerifier,
  KeyAlgorithm,
  type NoteVerifier,
  parseVerifierKey,
  TlogError,
} from '@verdict/tlog'
import { CliError, CliErrorCode } from '../errors.ts'

/** More keys of logs are refused: each costs time at each request of its log. */
export const LOG_KEYS_MAX = 256
/** Shards of one log; who has its key could make up as many as there are names. */
export const SHARDS_PER_LOG_MAX = 4_096
/** A cosignature says in one byte how long the name of its log is. */
const ORIGIN_BYTES_MAX = 255
const SHARD_NAME = /^[A-Za-z0-9._-]{1,64}$/

/** The keys of the logs that are witnessed, by their origins; a log may have several. */
export type WitnessedLogs = ReadonlyMap<string, readonly NoteVerifier[]>

/**
 * The keys of a log by its origin. A log in shards is named by its own key: `<origin>/<shard>` has
 * the same one under that name.
 */
export function keysOfLog(logs: WitnessedLogs, origin: string): readonly NoteVerifier[] {
  const own = logs.get(origin)
  if (own !== undefined) return own
  const base = baseOfShard(logs, origin)
  if (base === undefined || Buffer.byteLength(origin) > ORIGIN_BYTES_MAX) return []
  const keys = logs.get(base) ?? []
  return keys.map(({ algorithm, publicKey }) => createVerifier(origin, algorithm, publicKey))
}

/** The log that this is a shard of, where it could be one. */
export function baseOfShard(logs: WitnessedLogs, origin: string): string | undefined {
  const slash = origin.lastIndexOf('/')
  const base = origin.slice(0, Math.max(slash, 0))
  return logs.has(base) && SHARD_NAME.test(origin.slice(slash + 1)) ? base : undefined
}

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
