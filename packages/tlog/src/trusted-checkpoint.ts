import { type Checkpoint, parseCheckpoint } from './checkpoint.ts'
import { TlogError, TlogErrorCode } from './errors.ts'
import { KeyAlgorithm } from './key-material.ts'
import type { NoteVerifier } from './note-key.ts'
import { type OpenedNote, openNote } from './signed-note.ts'
import { isQuorum, type TrustPolicy } from './trust-policy.ts'

/** A checkpoint that a policy of trust accepts, and whose word that rests on. */
export interface TrustedCheckpoint {
  readonly checkpoint: Checkpoint
  readonly log: NoteVerifier
  /** The witnesses that signed, by their names in the policy, and when each did last. */
  readonly witnesses: readonly { readonly name: string; readonly seconds: number }[]
}

/**
 * Verifies the checkpoint of one log.
 * @throws {TlogError} `log_unknown` where none of these keys has signed under its own name, which
 *   is the origin of its log; otherwise as `openNote` and `parseCheckpoint`
 */
export function openCheckpoint(
  note: Uint8Array | string,
  logs: readonly NoteVerifier[],
): { checkpoint: Checkpoint; log: NoteVerifier; note: OpenedNote } {
  const opened = openNote(note, logs)
  return { ...checkpointOf(opened, logs), note: opened }
}

/**
 * Verifies a checkpoint and that enough witnesses have signed it.
 * @throws {TlogError} `quorum_missing`, and as `openCheckpoint`
 */
export function trustCheckpoint(note: Uint8Array | string, policy: TrustPolicy): TrustedCheckpoint {
  const logs = policy.logs.map(({ verifier }) => verifier)
  const opened = openNote(note, [...logs, ...policy.witnesses.map(({ verifier }) => verifier)])
  const signed = checkpointOf(opened, logs)
  const witnesses = policy.witnesses.flatMap(({ name, verifier }) => {
    const times = opened.verified
      .filter((signature) => signature.verifier === verifier)
      .map(({ seconds }) => seconds ?? 0)
    return times.length === 0 ? [] : [{ name, seconds: Math.max(...times) }]
  })
  if (!isQuorum(policy.quorum, new Set(witnesses.map(({ name }) => name)))) {
    throw new TlogError(
      TlogErrorCode.quorumMissing,
      `the checkpoint has too few witnesses: ${witnesses.length} of those in the policy signed it`,
    )
  }
  return { ...signed, witnesses }
}

function checkpointOf(
  opened: OpenedNote,
  logs: readonly NoteVerifier[],
): { checkpoint: Checkpoint; log: NoteVerifier } {
  const checkpoint = parseCheckpoint(opened.text)
  const log = opened.verified
    .map(({ verifier }) => verifier)
    .find((verifier) => logs.includes(verifier) && verifier.name === checkpoint.origin)
  if (log === undefined) {
    throw new TlogError(
      TlogErrorCode.logUnknown,
      `no log that is trusted has signed as \`${checkpoint.origin}\``,
    )
  }
  if (log.algorithm !== KeyAlgorithm.ed25519 && checkpoint.extensions.length > 0) {
    throw new TlogError(
      TlogErrorCode.checkpointMalformed,
      'the checkpoint has extension lines, which the signature of the log does not cover',
    )
  }
  return { checkpoint, log }
}
