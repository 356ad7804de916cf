import type { ReceivedEvent } from '@verdict/bus'
import { CHAIN_HASH_CHARS, type JournalRecord, parseJournalLine } from '@verdict/contract'
import { ENTRY_BYTES_MAX, equalBytes, leafHash, type TiledTree } from '@verdict/tlog'
import { SubscriberError, SubscriberErrorCode } from './errors.ts'
import type { Logs } from './logs.ts'
import { damaged } from './trusted-log.ts'

/** An event that is in the log as it came. */
export interface VerifiedEvent {
  /** A decision, or an event of a decision point: `isDecision` tells them apart. */
  readonly record: JournalRecord
  /** The record as it was hashed. */
  readonly json: string
  /** Its chain hash. */
  readonly hash: string
  /** The log, or the shard of it, and the index of the leaf. */
  readonly origin: string
  readonly leaf: number
}

/** An event, and why it is not what it seems. */
export type Verdict =
  | { readonly received: ReceivedEvent; readonly event: VerifiedEvent }
  | { readonly received: ReceivedEvent; readonly error: SubscriberError }

/**
 * Compares each event with the leaf at its place in the log, under a checkpoint that is trusted.
 * @throws {SubscriberError} what is wrong with the log itself, as `TrustedLog.covering`
 */
export async function verifyEvents(
  received: readonly ReceivedEvent[],
  logs: Logs,
): Promise<Verdict[]> {
  const trees = new Map<string, TiledTree>()
  for (const [origin, last] of lastLeaves(received)) {
    const tree = await logs.of(origin)?.covering(last)
    if (tree) trees.set(origin, tree)
  }
  const verdicts: Verdict[] = []
  for (const each of received) verdicts.push(await verify(each, trees.get(each.origin)))
  return verdicts
}

async function verify(received: ReceivedEvent, tree: TiledTree | undefined): Promise<Verdict> {
  const { hash, json, leaf, origin } = received
  if (!tree) return { received, error: forged(received, `\`${origin}\` is not the log`) }
  if (leaf < 0) return { received, error: forged(received, 'it claims no leaf') }
  if (leaf >= tree.head.size) {
    const message = `${nameOf(received)} is not in the log, which has ${tree.head.size} entries`
    return { received, error: new SubscriberError(SubscriberErrorCode.eventUncovered, message) }
  }
  const logged = await damaged(tree.leafHashAt(leaf))
  const bytes = Buffer.from(`${hash} ${json}`)
  const matches = hash.length === CHAIN_HASH_CHARS && equalBytes(leafHashOf(bytes), logged)
  if (!matches) return { received, error: forged(received, 'the log has another entry there') }
  const { record } = parseJournalLine(`${hash} ${json}`)
  return { received, event: { record, json, hash, origin, leaf } }
}

const NONE = new Uint8Array(0)

/** No leaf is as long as what is too long for one. */
function leafHashOf(bytes: Uint8Array): Uint8Array {
  return bytes.length > ENTRY_BYTES_MAX ? NONE : leafHash(bytes)
}

function lastLeaves(received: readonly ReceivedEvent[]): Map<string, number> {
  const last = new Map<string, number>()
  for (const { origin, leaf } of received) {
    last.set(origin, Math.max(leaf, last.get(origin) ?? 0))
  }
  return last
}

function forged(received: ReceivedEvent, why: string): SubscriberError {
  const message = `${nameOf(received)} was changed or made up: ${why}`
  return new SubscriberError(SubscriberErrorCode.eventForged, message)
}

function nameOf({ seq, subject, origin, leaf }: ReceivedEvent): string {
  return `message ${seq} on \`${subject}\`, which claims leaf ${leaf} of \`${origin}\`,`
}
