import { POLICY_POINTERS, wildcards } from '@verdict/contract'
import type { NatsConnection } from 'nats'
import { BusError, BusErrorCode } from '../errors.ts'
import { change, pathOf, readAll, stored } from './bucket.ts'
import { type Following, followStream } from './follow-stream.ts'
import type { StoredMessage } from './stored-messages.ts'

/** The pointer of a bundle as it is stored. Who it is from is for the reader to verify. */
export interface StoredPointer {
  readonly jws: string
  readonly revision: number
}

/** The pointer that is in force under a name. Needs policy-publisher, authz-serve or operator. */
export async function readPointer(
  nc: NatsConnection,
  name: string,
): Promise<StoredPointer | undefined> {
  const message = await stored(nc, POLICY_POINTERS, [name])
  return message && !message.deleted
    ? { jws: textOf(message.data), revision: message.seq }
    : undefined
}

/** All pointers, by the names of their bundles. */
export async function listPointers(nc: NatsConnection): Promise<Map<string, string>> {
  const pointers = new Map<string, string>()
  for (const message of (await readAll(nc, POLICY_POINTERS)).values()) {
    const name = nameOf(message)
    if (name !== undefined) pointers.set(name, textOf(message.data))
  }
  return pointers
}

/**
 * Puts a pointer in force, in place of the one that was read; without it, of none. Needs the role
 * policy-publisher.
 * @throws {BusError} `store_conflict` where another is in force by now, `store_full`,
 *   `bad_policy_key`, or as `ask`
 */
export async function putPointer(
  nc: NatsConnection,
  name: string,
  { jws, replaces }: { jws: string; replaces: StoredPointer | undefined },
): Promise<{ revision: number }> {
  const before = await stored(nc, POLICY_POINTERS, [name])
  const inForce = before && !before.deleted ? before.seq : undefined
  if (inForce !== replaces?.revision) {
    const message = `another pointer of \`${name}\` is in force by now: look at it and try again`
    throw new BusError(BusErrorCode.storeConflict, message)
  }
  const value = new TextEncoder().encode(jws)
  return await change(nc, POLICY_POINTERS, { path: [name], value, after: before?.seq ?? 0 })
}

/** Takes a bundle out of force. Needs the role policy-publisher. */
export async function deletePointer(
  nc: NatsConnection,
  name: string,
  replaces: StoredPointer,
): Promise<{ revision: number }> {
  const after = replaces.revision
  return await change(nc, POLICY_POINTERS, { path: [name], value: undefined, after })
}

export interface FollowPointersOptions {
  /** The pointer of a name was set, or deleted: undefined. */
  readonly onPointer: (name: string, jws: string | undefined) => void
  readonly onError: (error: unknown) => void
  readonly signal: AbortSignal
}

/**
 * Tells every pointer that is there, and then each change, through restarts of the server: the
 * last of each name for certain, one that was replaced before it was read perhaps not.
 */
export function followPointers(nc: NatsConnection, options: FollowPointersOptions): Following {
  const { onPointer, onError, signal } = options
  const known = new Set<string>()
  /** Names of a stream that is gone, until they show in the one that took its place. */
  let orphans = new Set<string>()
  return followStream(nc, {
    stream: POLICY_POINTERS,
    news: wildcards.pointerNews,
    onMessage: (message) => {
      const name = nameOf(message)
      if (name === undefined) {
        onError(unreadable(message.subject))
        return
      }
      orphans.delete(name)
      if (message.deleted) known.delete(name)
      else known.add(name)
      onPointer(name, message.deleted ? undefined : textOf(message.data))
    },
    onReset: () => {
      orphans = new Set([...orphans, ...known])
      known.clear()
    },
    onCurrent: () => {
      const gone = orphans
      orphans = new Set()
      for (const name of gone) onPointer(name, undefined)
    },
    onError,
    signal,
  })
}

function nameOf({ subject }: StoredMessage): string | undefined {
  const path = pathOf(POLICY_POINTERS, subject)
  return path?.length === 1 ? path[0] : undefined
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes)
}

function unreadable(subject: string): BusError {
  const message = `\`${subject}\` names no bundle: delete it`
  return new BusError(BusErrorCode.badPolicyKey, message)
}
