import { type Covered, parseCovered, subjects, wildcards } from '@verdict/contract'
import type { NatsConnection } from 'nats'
import { connectionState } from './connection-state.ts'

/** Tells a decision point how far its journal is covered; what gets lost is told again later. */
export function publishCovered(nc: NatsConnection, covered: Covered): void {
  if (!connectionState(nc).connected) return
  nc.publish(subjects.covered(covered.instance), JSON.stringify(covered))
}

/** Hears what audit tells of all journals; what can't be read is passed over. */
export function onCovered(
  nc: NatsConnection,
  handler: (covered: Covered) => void,
): { stop(): void } {
  const subscription = nc.subscribe(wildcards.covered, {
    callback: (error, message) => {
      if (error) return
      const covered = parseCovered(message.string())
      if (covered && subjects.covered(covered.instance) === message.subject) handler(covered)
    },
  })
  return { stop: () => subscription.unsubscribe() }
}
