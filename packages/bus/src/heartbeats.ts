import {
  HEARTBEAT_INTERVAL_MS,
  type Heartbeat,
  SERVICES,
  type ServiceName,
  subjects,
  wildcards,
} from '@verdict/contract'
import type { NatsConnection } from 'nats'
import { settledWithin } from './bounded-wait.ts'
import { connectionState } from './connection-state.ts'

/** The wait for the last heartbeat to leave. */
const LAST_BEAT_TIMEOUT_MS = 1_000

export interface HeartbeatOptions {
  readonly service: ServiceName
  readonly instance: string
  readonly ready: () => boolean
  /** Is called for each heartbeat. */
  readonly facts: () => Record<string, string | number>
}

/** Says every HEARTBEAT_INTERVAL_MS that this instance lives, and at the end that it stops. */
export function startHeartbeats(
  nc: NatsConnection,
  { service, instance, ready, facts }: HeartbeatOptions,
): { stop(): Promise<void> } {
  const startedAt = new Date().toISOString()
  const subject = subjects.heartbeat(service, instance)
  const beat = (last: { stopping?: true } = {}): void => {
    if (!connectionState(nc).connected || nc.isDraining()) return
    const time = new Date().toISOString()
    const heartbeat: Heartbeat = {
      service,
      instance,
      ready: ready(),
      startedAt,
      time,
      facts: facts(),
      ...last,
    }
    nc.publish(subject, JSON.stringify(heartbeat))
  }
  beat()
  const timer = setInterval(beat, HEARTBEAT_INTERVAL_MS)
  return {
    async stop() {
      clearInterval(timer)
      beat({ stopping: true })
      if (nc.isClosed()) return
      await settledWithin(nc.flush(), LAST_BEAT_TIMEOUT_MS)
    },
  }
}

/**
 * Hears the heartbeats of all instances. The server lets each service speak for itself only, so
 * one that claims to be another than its subject says is dropped, like one that is malformed: it
 * counts as silent.
 */
export function onHeartbeat(
  nc: NatsConnection,
  handler: (beat: Heartbeat) => void,
): { stop(): void } {
  const subscription = nc.subscribe(wildcards.heartbeat, {
    callback: (error, message) => {
      if (error) return
      const beat = parseHeartbeat(message.data)
      if (beat && message.subject === subjects.heartbeat(beat.service, beat.instance)) handler(beat)
    },
  })
  return {
    stop() {
      if (!subscription.isClosed()) subscription.unsubscribe()
    },
  }
}

function parseHeartbeat(bytes: Uint8Array): Heartbeat | undefined {
  try {
    const beat = JSON.parse(new TextDecoder().decode(bytes)) as Partial<Heartbeat> | null
    return isHeartbeat(beat) ? beat : undefined
  } catch {
    // Not JSON, so not a heartbeat.
    return undefined
  }
}

function isHeartbeat(beat: Partial<Heartbeat> | null): beat is Heartbeat {
  return (
    SERVICES.some((service) => service === beat?.service) &&
    typeof beat?.instance === 'string' &&
    typeof beat.ready === 'boolean' &&
    typeof beat.startedAt === 'string' &&
    typeof beat.time === 'string' &&
    typeof beat.facts === 'object' &&
    beat.facts !== null
  )
}
