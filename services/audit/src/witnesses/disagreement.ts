import {
  findContradiction,
  formatContradiction,
  type NoteVerifier,
  openCheckpoint,
  TlogError,
} from '@verdict/tlog'
import { AuditError } from '../errors.ts'
import type { HeadToWitness, WitnessContradiction } from './cosigner.ts'
import { readWitnessed } from './witness-exchange.ts'
import type { WitnessPlace } from './witness-policy.ts'

/**
 * The bytes that show how a witness and the log disagree: a proof that the log has signed two
 * histories (`verdict/tlog-contradiction@v1`) where there is one; otherwise what each of them says.
 */
export async function showDisagreement(
  place: WitnessPlace,
  own: NoteVerifier,
  { head, tree }: HeadToWitness,
  { answer }: WitnessContradiction,
  stopped: AbortSignal,
): Promise<Uint8Array> {
  const theirs = await witnessedNote(place, own, stopped)
  const proof = theirs && (await findProof(theirs.note, { head, tree }))
  if (proof !== undefined) return Buffer.from(proof)
  const said = { ...answer, ...(theirs && { checkpoint: theirs.note }) }
  const both = { log: head.note, witness: { url: place.url.href, ...said } }
  return Buffer.from(`${JSON.stringify(both, undefined, 2)}\n`)
}

/** The checkpoint that the witness shows, where the key of this log has signed it. */
async function witnessedNote(
  place: WitnessPlace,
  own: NoteVerifier,
  stopped: AbortSignal,
): Promise<{ note: string } | undefined> {
  try {
    const { status, body } = await readWitnessed(place, own.name, stopped)
    if (status !== 200) return undefined
    openCheckpoint(body, [own])
    return { note: body }
  } catch (error) {
    // A witness that shows nothing, or what we have not signed, has only its word.
    if (error instanceof AuditError || error instanceof TlogError) return undefined
    throw error
  }
}

async function findProof(
  theirs: string,
  { head, tree }: HeadToWitness,
): Promise<string | undefined> {
  try {
    const found = await findContradiction(theirs, head.note, tree)
    return found && formatContradiction(found)
  } catch (error) {
    // Theirs is the larger one: we have no tiles of it.
    if (error instanceof TlogError) return undefined
    throw error
  }
}
