import { POLICY_BUNDLES } from '@verdict/contract'
import type { NatsConnection } from 'nats'
import { askPolicies } from '../jetstream-api.ts'
import type { StoredMessage } from './stored-messages.ts'

/** Objects are described on subjects of this kind. */
export const DESCRIPTIONS = `$O.${POLICY_BUNDLES.bucket}.M.>`

/** What an object store keeps of an object, as other tools read and write it. */
export interface ObjectInfo {
  readonly name: string
  readonly bucket: string
  /** Names the subject of the chunks. */
  readonly nuid: string
  readonly size: number
  readonly chunks: number
  /** `SHA-256=` and the digest in base64url, with padding. */
  readonly digest: string
  readonly deleted?: boolean
  /** RFC 3339: when it was stored. */
  readonly mtime?: string
}

/** Removes the bytes of an object, also of one that was not stored to its end. */
export async function removeChunks(nc: NatsConnection, nuid: string): Promise<void> {
  const question = `STREAM.PURGE.${POLICY_BUNDLES.name}`
  await askPolicies(nc, question, { filter: chunkSubject(nuid) })
}

export function parseInfo({ data }: StoredMessage): ObjectInfo | undefined {
  try {
    const info: unknown = JSON.parse(new TextDecoder().decode(data))
    return typeof info === 'object' && info !== null ? (info as ObjectInfo) : undefined
  } catch {
    // No description of an object, so there is none.
    return undefined
  }
}

export function metaSubject(name: string): string {
  return `$O.${POLICY_BUNDLES.bucket}.M.${base64url(Buffer.from(name))}`
}

export function chunkSubject(nuid: string): string {
  return `$O.${POLICY_BUNDLES.bucket}.C.${nuid}`
}

export function objectDigest(hex: string): string {
  return `SHA-256=${base64url(Buffer.from(hex, 'hex'))}`
}

/** With padding, as the object stores of NATS have it. */
function base64url(bytes: Buffer): string {
  return bytes.toString('base64').replaceAll('+', '-').replaceAll('/', '_')
}
