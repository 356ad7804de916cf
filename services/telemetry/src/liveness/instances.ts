import { HEARTBEAT_DEADLINE_MS, type Heartbeat, type ServiceName } from '@verdict/contract'

/** An instance that was silent for this long is forgotten: until then it is shown as down. */
export const FORGET_MS = 10 * 60_000
/** Beyond this many instances the one that was silent longest is forgotten. */
export const INSTANCES_MAX = 1024
/** Facts of one instance beyond this many are left out, and longer texts are cut. */
const FACTS_MAX = 32
const TEXT_CHARS_MAX = 256

/** What is known of one instance of a service. */
export interface InstanceState {
  readonly service: ServiceName
  readonly instance: string
  /** It says that it is ready, and is up. */
  readonly ready: boolean
  /** It was heard within HEARTBEAT_DEADLINE_MS. */
  readonly up: boolean
  /** RFC 3339, as it says. */
  readonly startedAt: string
  /** RFC 3339, when it was heard. */
  readonly lastSeen: string
  readonly ageMs: number
  readonly facts: Readonly<Record<string, string | number>>
}

export interface InstancesOptions {
  /** In ms since 1970, and never set back; default: the monotonic clock of the process. */
  readonly now?: () => number
  /** Default: INSTANCES_MAX. */
  readonly instancesMax?: number
}

/** Which instances live, by their heartbeats. */
export class Instances {
  readonly #now: () => number
  readonly #instancesMax: number
  /** The one that was silent longest comes first. */
  readonly #heard = new Map<string, { beat: Heartbeat; seenMs: number }>()

  constructor({ now = monotonicNow, instancesMax = INSTANCES_MAX }: InstancesOptions = {}) {
    this.#now = now
    this.#instancesMax = instancesMax
  }

  /** Takes in one heartbeat. An instance that stops in order is gone at once. */
  hear(heard: Heartbeat): void {
    const beat = bounded(heard)
    const key = `${beat.service} ${beat.instance}`
    this.#heard.delete(key)
    if (beat.stopping) return
    this.#heard.set(key, { beat, seenMs: this.#now() })
    const [eldest] = this.#heard.keys()
    if (this.#heard.size > this.#instancesMax && eldest !== undefined) this.#heard.delete(eldest)
  }

  /** All that are known, by service and instance. */
  list(): InstanceState[] {
    const now = this.#now()
    const states: InstanceState[] = []
    for (const [key, { beat, seenMs }] of this.#heard) {
      const ageMs = now - seenMs
      if (ageMs > FORGET_MS) this.#heard.delete(key)
      else states.push(stateOf(beat, { seenMs, ageMs }))
    }
    return states.sort(byName)
  }
}

function stateOf(
  { service, instance, ready, startedAt, facts }: Heartbeat,
  { seenMs, ageMs }: { seenMs: number; ageMs: number },
): InstanceState {
  const up = ageMs < HEARTBEAT_DEADLINE_MS
  const lastSeen = new Date(seenMs).toISOString()
  return { service, instance, ready: ready && up, up, startedAt, lastSeen, ageMs, facts }
}

function byName(a: InstanceState, b: InstanceState): number {
  if (a.service !== b.service) return a.service < b.service ? -1 : 1
  return a.instance < b.instance ? -1 : 1
}

/** What an instance says of itself has no bound of its own. */
function bounded(beat: Heartbeat): Heartbeat {
  const facts = Object.entries(beat.facts)
    .filter(([, value]) => typeof value === 'string' || Number.isFinite(value))
    .slice(0, FACTS_MAX)
    .map(([name, value]) => [cut(name), typeof value === 'string' ? cut(value) : value] as const)
  return {
    ...beat,
    instance: cut(beat.instance),
    startedAt: cut(beat.startedAt),
    facts: Object.fromEntries(facts),
  }
}

function cut(text: string): string {
  return text.slice(0, TEXT_CHARS_MAX)
}

function monotonicNow(): number {
  return performance.timeOrigin + performance.now()
}
