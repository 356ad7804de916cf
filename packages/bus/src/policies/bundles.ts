import { createHash, randomUUID } from 'node:crypto'
import { BUNDLE_BYTES_MAX, POLICY_BUNDLES } from '@verdict/contract'
import type { NatsConnection } from 'nats'
import { BusError, BusErrorCode } from '../errors.ts'
import {
  chunkSubject,
  metaSubject,
  type ObjectInfo,
  objectDigest,
  parseInfo,
  removeChunks,
} from './object-store.ts'
import { put } from './put.ts'
import { lastMessage, nextMessage, readMessages, type StoredMessage } from './stored-messages.ts'

/** As other tools cut objects: much less than a message may have. */
const CHUNK_BYTES = 128 * 1024
/** A chunk that other tools wrote is at most a message. */
const CHUNKS_MAX = 4096

/**
 * Stores an archive under its SHA-256. One that is there already stays as it is. Needs the role
 * policy-publisher.
 * @throws {BusError} `bundle_corrupt` where the digest is not that of the archive, `too_large`,
 *   `store_full`, or as `ask`
 */
export async function putBundle(
  nc: NatsConnection,
  archive: Uint8Array,
  digest: string,
  onProgress: (bytes: number) => void = () => {},
): Promise<void> {
  refuseOther(archive, digest)
  if (archive.length > BUNDLE_BYTES_MAX) throw tooLarge(digest, archive.length, BUNDLE_BYTES_MAX)
  const before = await lastMessage(nc, POLICY_BUNDLES, metaSubject(digest))
  if (before && isWhole(parseInfo(before), archive.length)) return
  const nuid = randomUUID().replaceAll('-', '')
  try {
    let chunks = 0
    for (let at = 0; at < archive.length; at += CHUNK_BYTES) {
      const data = archive.subarray(at, at + CHUNK_BYTES)
      await put(nc, { stream: POLICY_BUNDLES, subject: chunkSubject(nuid), data })
      chunks += 1
      onProgress(at + data.length)
    }
    const info: ObjectInfo = {
      name: digest,
      bucket: POLICY_BUNDLES.bucket,
      nuid,
      size: archive.length,
      chunks,
      digest: objectDigest(digest),
      mtime: new Date().toISOString(),
    }
    await put(nc, {
      stream: POLICY_BUNDLES,
      subject: metaSubject(digest),
      data: new TextEncoder().encode(JSON.stringify(info)),
      after: before?.seq ?? 0,
      headers: { 'Nats-Rollup': 'sub' },
    })
  } catch (error) {
    // They take room until somebody purges them; why it was not stored matters more.
    await removeChunks(nc, nuid).catch(() => {})
    // Somebody else has stored the same archive meanwhile.
    if (error instanceof BusError && error.code === BusErrorCode.storeConflict) return
    throw error
  }
}

/** The wait for an archive, and the longest that is read. */
export interface ReadBundleOptions {
  readonly timeoutMs: number
  readonly bytesMax: number
}

/**
 * The archive with a SHA-256, verified. Needs authz-serve, operator or policy-publisher.
 * @throws {BusError} `bundle_missing`, `bundle_corrupt`, `too_large`, `timeout`, or as `ask`
 */
export async function readBundle(
  nc: NatsConnection,
  digest: string,
  { timeoutMs, bytesMax }: ReadBundleOptions,
): Promise<Uint8Array> {
  const deadline = performance.now() + timeoutMs
  const meta = await lastMessage(nc, POLICY_BUNDLES, metaSubject(digest))
  const info = meta && parseInfo(meta)
  if (info === undefined || info.deleted) {
    const message = `no bundle \`${digest}\` is stored: push it again`
    throw new BusError(BusErrorCode.bundleMissing, message)
  }
  if (info.size > bytesMax) throw tooLarge(digest, info.size, bytesMax)
  if (!(info.size >= 0) || !(info.chunks <= CHUNKS_MAX) || !/^\w+$/.test(info.nuid)) {
    throw corrupt(digest, 'its description is none')
  }
  const archive = await readChunks(nc, { info, digest, deadline, timeoutMs })
  refuseOther(archive, digest)
  return archive
}

interface Reading {
  readonly info: ObjectInfo
  readonly digest: string
  readonly deadline: number
  readonly timeoutMs: number
}

async function readChunks(
  nc: NatsConnection,
  { info, digest, deadline, timeoutMs }: Reading,
): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  let [bytes, seq] = [0, 0]
  const take = (message: StoredMessage): void => {
    parts.push(message.data)
    bytes += message.data.length
    seq = message.seq
    if (bytes > info.size) throw corrupt(digest, `more than its ${info.size} bytes are stored`)
  }
  while (bytes < info.size) {
    if (performance.now() > deadline) {
      const message = `bundle \`${digest}\` could not be read within ${timeoutMs} ms`
      throw new BusError(BusErrorCode.timeout, message)
    }
    const place = { stream: POLICY_BUNDLES, subject: chunkSubject(info.nuid), seq: seq + 1 }
    if ((await readMessages(nc, place, take)) > 0) continue
    const next = await nextMessage(nc, place)
    if (!next) throw corrupt(digest, `only ${bytes} of its ${info.size} bytes are stored`)
    take(next)
  }
  return Buffer.concat(parts)
}

function isWhole(info: ObjectInfo | undefined, size: number): boolean {
  return info !== undefined && !info.deleted && info.size === size
}

function refuseOther(archive: Uint8Array, digest: string): void {
  const found = createHash('sha256').update(archive).digest('hex')
  if (found !== digest) throw corrupt(digest, `its SHA-256 is ${found}`)
}

function tooLarge(digest: string, size: number, max: number): BusError {
  const message = `bundle \`${digest}\` has ${size} bytes, more than ${max}: make it smaller`
  return new BusError(BusErrorCode.tooLarge, message)
}

function corrupt(digest: string, why: string): BusError {
  return new BusError(BusErrorCode.bundleCorrupt, `bundle \`${digest}\` is corrupt: ${why}`)
}
