import { setTimeout as delay } from 'node:timers/promises'
import type { Consumption } from '@verdict/bus'
import type { Intake } from './intake.ts'

/** A stop waits this long for what the stream still holds; the next start reads the rest. */
const DRAIN_MS_MAX = 2_000
/** The stream counts as read when nothing has come for this long. */
const DRAIN_QUIET_MS = 150
const DRAIN_POLL_MS = 20

/** Waits until the stream has nothing more for us, or DRAIN_MS_MAX. */
export async function drain(consumption: Consumption, intake: Intake): Promise<void> {
  const startedAt = performance.now()
  let quietFrom = startedAt
  let { taken } = intake
  for (let now = startedAt; now - startedAt < DRAIN_MS_MAX; now = performance.now()) {
    if (!consumption.health().ok) return
    if (intake.taken !== taken) quietFrom = now
    taken = intake.taken
    // What is pending is as of the last message: newer ones may be on their way.
    if (consumption.pending() === 0 && now - quietFrom > DRAIN_QUIET_MS) return
    await delay(DRAIN_POLL_MS)
  }
}
