import { POLICY_BUNDLES } from '@verdict/contract'
import type { NatsConnection } from 'nats'
import {
  DESCRIPTIONS,
  metaSubject,
  type ObjectInfo,
  parseInfo,
  removeChunks,
} from './object-store.ts'
import { put } from './put.ts'
import { lastMessage, nextMessage, readMessages, type StoredMessage } from './stored-messages.ts'

/** An archive that is stored. */
export interface StoredBundle {
  readonly digest: string
  readonly size: number
  /** RFC 3339. */
  readonly storedAt: string
}

/** The archives that are stored, the oldest first. Needs policy-publisher or operator. */
export async function listBundles(nc: NatsConnection): Promise<StoredBundle[]> {
  const bundles = new Map<string, StoredBundle>()
  let seq = 0
  const take = (message: StoredMessage): void => {
    seq = message.seq
    const { name, size, mtime = '', deleted } = parseInfo(message) ?? ({} as Partial<ObjectInfo>)
    bundles.delete(message.subject)
    if (deleted || name === undefined || size === undefined) return
    bundles.set(message.subject, { digest: name, size, storedAt: mtime })
  }
  for (;;) {
    const from = { stream: POLICY_BUNDLES, subject: DESCRIPTIONS, seq: seq + 1 }
    if ((await readMessages(nc, from, take)) > 0) continue
    const next = await nextMessage(nc, from)
    if (next === undefined) return [...bundles.values()]
    take(next)
  }
}

/** Removes an archive, if it is there. Needs the role policy-publisher. */
export async function removeBundle(nc: NatsConnection, digest: string): Promise<void> {
  const meta = await lastMessage(nc, POLICY_BUNDLES, metaSubject(digest))
  const info = meta && parseInfo(meta)
  if (meta === undefined || info === undefined || info.deleted) return
  const gone: ObjectInfo = { ...info, size: 0, chunks: 0, digest: '', deleted: true }
  await put(nc, {
    stream: POLICY_BUNDLES,
    subject: metaSubject(digest),
    data: new TextEncoder().encode(JSON.stringify(gone)),
    after: meta.seq,
    headers: { 'Nats-Rollup': 'sub' },
  })
  await removeChunks(nc, info.nuid)
}
