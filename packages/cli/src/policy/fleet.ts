import { type NatsConnection, onHeartbeat } from '@verdict/bus'
import {
  type BundleFact,
  bundlesOf,
  HEARTBEAT_DEADLINE_MS,
  HEARTBEAT_INTERVAL_MS,
  type Heartbeat,
  policyKey,
} from '@verdict/contract'
import type { BundlePointer } from '@verdict/policy'

/** After this long everybody who is there has been heard. */
export const HEARD_ALL_MS: number = HEARTBEAT_INTERVAL_MS + 1_000

/** What one decision point runs under one name. */
export interface FleetRow extends BundleFact {
  readonly instance: string
  /** Undefined where it follows a folder instead of bundles. */
  readonly bundle: string | undefined
  readonly state: FleetState
}

/**
 * `active`: what is in force; `lags`: something else; `refused`: something else, and it said why;
 * `waiting`: nothing yet; `unpointed`: something that no pointer names, from a bundle server.
 */
export type FleetState = 'active' | 'lags' | 'refused' | 'waiting' | 'unpointed' | 'folder'

/** The decision points, as their heartbeats show them. */
export class Fleet implements Disposable {
  readonly #beats = new Map<string, { beat: Heartbeat; heardAt: number }>()
  readonly #listening: { stop(): void }

  constructor(nc: NatsConnection) {
    this.#listening = onHeartbeat(nc, (beat) => {
      if (beat.service !== 'authz') return
      if (beat.stopping) this.#beats.delete(beat.instance)
      else this.#beats.set(beat.instance, { beat, heardAt: performance.now() })
    })
  }

  /** What each runs, beside what is in force. An instance that fell silent is left out. */
  rows(inForce: ReadonlyMap<string, BundlePointer>): FleetRow[] {
    const silent = performance.now() - HEARTBEAT_DEADLINE_MS
    return [...this.#beats.values()]
      .filter(({ heardAt }) => heardAt > silent)
      .map(({ beat }) => beat)
      .toSorted((a, b) => (a.instance < b.instance ? -1 : 1))
      .flatMap((beat) => rowsOf(beat, inForce))
  }

  [Symbol.dispose](): void {
    this.#listening.stop()
  }
}

/** Whether somebody should do something about it. */
export function isBehind({ state }: FleetRow): boolean {
  return state === 'lags' || state === 'refused' || state === 'waiting'
}

function rowsOf(beat: Heartbeat, inForce: ReadonlyMap<string, BundlePointer>): FleetRow[] {
  const { instance } = beat
  const bundles = [...bundlesOf(beat)]
  if (bundles.length === 0) return [{ instance, bundle: undefined, state: 'folder' }]
  const names = new Map([...inForce.keys()].map((name) => [policyKey([name]), name]))
  return bundles.map(([key, fact]) => {
    const bundle = names.get(key) ?? key
    return { instance, bundle, ...fact, state: stateOf(fact, inForce.get(bundle)) }
  })
}

function stateOf({ active, refused }: BundleFact, pointer: BundlePointer | undefined): FleetState {
  if (active !== undefined && active.digest === pointer?.digest) return 'active'
  if (refused !== undefined) return 'refused'
  if (active === undefined) return 'waiting'
  return pointer === undefined ? 'unpointed' : 'lags'
}
