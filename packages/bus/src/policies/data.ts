import { POLICY_DATA, wildcards } from '@verdict/contract'
import type { NatsConnection } from 'nats'
import { BusError, BusErrorCode } from '../errors.ts'
import { change, pathOf, type StoredValue, stored } from './bucket.ts'
import { type Following, followStream } from './follow-stream.ts'

/** One change of the policies' data. */
export interface DataChange {
  /** Where in `data`: at least one segment. */
  readonly path: readonly string[]
  /** As it was put; undefined where it was deleted. */
  readonly json: Uint8Array | undefined
  /** Grows with each change of any path. */
  readonly revision: number
}

/** What is stored at a path. Needs policy-data, authz-serve or operator. */
export async function readPolicyData(
  nc: NatsConnection,
  path: readonly string[],
): Promise<StoredValue | undefined> {
  const message = await stored(nc, POLICY_DATA, path)
  return message && !message.deleted ? { value: message.data, revision: message.seq } : undefined
}

/**
 * Puts JSON at a path in `data`, or deletes what is there: undefined. Needs the role policy-data.
 * @throws {BusError} `store_conflict` where somebody else changed it at the same time,
 *   `store_full`, `too_large`, `bad_policy_key`, or as `ask`
 */
export async function putPolicyData(
  nc: NatsConnection,
  path: readonly string[],
  json: string | undefined,
): Promise<{ revision: number }> {
  const value = json === undefined ? undefined : new TextEncoder().encode(json)
  if (value !== undefined && value.length > POLICY_DATA_VALUE_BYTES_MAX) {
    const size = `${value.length} bytes are more than ${POLICY_DATA_VALUE_BYTES_MAX}`
    const hint = 'put its parts at longer paths, or into the bundle'
    throw new BusError(BusErrorCode.tooLarge, `/${path.join('/')}: ${size}: ${hint}`)
  }
  const before = await stored(nc, POLICY_DATA, path)
  if (value === undefined && (before === undefined || before.deleted)) {
    return { revision: before?.seq ?? 0 }
  }
  return await change(nc, POLICY_DATA, { path, value, after: before?.seq ?? 0 })
}

/** The longest value: a message, less its headers. */
export const POLICY_DATA_VALUE_BYTES_MAX: number = POLICY_DATA.maxMessageBytes - 1024

export interface FollowPolicyDataOptions {
  /** Changes come in the order of their revisions. */
  readonly onData: (change: DataChange) => void
  /** All that was told before is void, and a full load follows, also at first. */
  readonly onReset: () => void
  /**
   * All that is stored up to this revision was told: after a reset, what was told since then may
   * take the place of what was in force until now.
   */
  readonly onCurrent?: (revision: number) => void
  readonly onError: (error: unknown) => void
  readonly signal: AbortSignal
}

/**
 * Tells all data that is there, and then each change, through restarts of the server: the last
 * value of each path for certain, one that was replaced before it was read perhaps not. Deleted
 * paths are told as such also by the first load.
 */
export function followPolicyData(nc: NatsConnection, options: FollowPolicyDataOptions): Following {
  const { onData, onReset, onCurrent = () => {}, onError, signal } = options
  return followStream(nc, {
    stream: POLICY_DATA,
    news: wildcards.dataNews,
    onMessage: ({ subject, data, deleted, seq }) => {
      const path = pathOf(POLICY_DATA, subject)
      if (path) onData({ path, json: deleted ? undefined : data, revision: seq })
      else onError(new BusError(BusErrorCode.badPolicyKey, `\`${subject}\` is no path: delete it`))
    },
    onReset,
    onCurrent,
    onError,
    signal,
  })
}
