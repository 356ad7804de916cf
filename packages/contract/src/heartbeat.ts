import type { ServiceName } from './services.ts'

export const HEARTBEAT_INTERVAL_MS = 2_000
/** An instance that was silent for this long counts as down. */
export const HEARTBEAT_DEADLINE_MS = 3 * HEARTBEAT_INTERVAL_MS

/** What every instance says of itself. Times are RFC 3339. */
export interface Heartbeat {
  readonly service: ServiceName
  readonly instance: string
  readonly ready: boolean
  readonly startedAt: string
  readonly time: string
  /** Facts of the service, such as the revision of the active policy. */
  readonly facts: Readonly<Record<string, string | number>>
  /** The last heartbeat of an instance that stops in order. */
  readonly stopping?: true
}
