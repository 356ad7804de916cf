import { type POLICY_DATA, type POLICY_POINTERS, policyKey, policyPath } from '@verdict/contract'
import type { NatsConnection } from 'nats'
import { BusError, BusErrorCode } from '../errors.ts'
import { put } from './put.ts'
import { lastMessage, nextMessage, readMessages, type StoredMessage } from './stored-messages.ts'

export type BucketStream = typeof POLICY_DATA | typeof POLICY_POINTERS

/** A value as it is stored. */
export interface StoredValue {
  readonly value: Uint8Array
  /** Its sequence, by which a change says what it replaces. */
  readonly revision: number
}

const NOTHING = new Uint8Array()

/** @throws {BusError} `bad_policy_key` */
export function keySubject({ bucket }: BucketStream, path: readonly string[]): string {
  const key = policyKey(path)
  if (key !== undefined) return `$KV.${bucket}.${key}`
  const shown = `/${path.join('/')}`.slice(0, 100)
  throw new BusError(BusErrorCode.badPolicyKey, `\`${shown}\` can't be stored: use a shorter path`)
}

/** The path of a message; undefined where its key is none that we would write. */
export function pathOf({ bucket }: BucketStream, subject: string): string[] | undefined {
  return policyPath(subject.slice(`$KV.${bucket}.`.length))
}

/** What is stored under a key, also that it was deleted. */
export async function stored(
  nc: NatsConnection,
  stream: BucketStream,
  path: readonly string[],
): Promise<StoredMessage | undefined> {
  return await lastMessage(nc, stream, keySubject(stream, path))
}

/** Puts a value, or deletes the key where there is none; `after` is what was read before. */
export async function change(
  nc: NatsConnection,
  stream: BucketStream,
  { path, value, after }: { path: readonly string[]; value: Uint8Array | undefined; after: number },
): Promise<{ revision: number }> {
  const revision = await put(nc, {
    stream,
    subject: keySubject(stream, path),
    data: value ?? NOTHING,
    after,
    ...(value === undefined ? { headers: { 'KV-Operation': 'DEL' } } : {}),
  })
  return { revision }
}

/** Everything that is stored now. */
export async function readAll(
  nc: NatsConnection,
  stream: BucketStream,
): Promise<Map<string, StoredMessage>> {
  const messages = new Map<string, StoredMessage>()
  let seq = 0
  const take = (message: StoredMessage): void => {
    seq = message.seq
    if (message.deleted) messages.delete(message.subject)
    else messages.set(message.subject, message)
  }
  for (;;) {
    const from = { stream, subject: '>', seq: seq + 1 }
    if ((await readMessages(nc, from, take)) > 0) continue
    const next = await nextMessage(nc, from)
    if (next === undefined) return messages
    take(next)
  }
}
