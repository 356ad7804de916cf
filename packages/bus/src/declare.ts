import { setTimeout as delay } from 'node:timers/promises'
import { BusError, BusErrorCode } from './errors.ts'
import { type Described, JETSTREAM_ERROR } from './jetstream-api.ts'

/** A cluster that starts has no leader for a while: what it cannot do yet is tried again. */
const PROVISION_TIMEOUT_MS = 60_000
const PROVISION_PAUSE_MS = 500

export interface Declaration {
  /** One question to the JetStream that has it. */
  readonly ask: (question: string, body?: object) => Promise<Described>
  readonly missing: BusErrorCode
  readonly info: string
  readonly create: string
  readonly body: object
}

/** What is there after it was made, where it was missing. */
export async function declare({
  ask,
  missing,
  info,
  create,
  body,
}: Declaration): Promise<Described> {
  const deadline = performance.now() + PROVISION_TIMEOUT_MS
  for (;;) {
    try {
      return await ask(info)
    } catch (error) {
      if (!(error instanceof BusError)) throw error
      if (error.code === missing) await createOnce(ask, create, body)
      else if (!isPassing(error) || performance.now() > deadline) throw error
      else await delay(PROVISION_PAUSE_MS)
    }
  }
}

async function createOnce(ask: Declaration['ask'], question: string, body: object): Promise<void> {
  try {
    await ask(question, body)
  } catch (error) {
    if (!(error instanceof BusError && isPassing(error))) throw error
    // Whether it was made is seen by looking again.
    await delay(PROVISION_PAUSE_MS)
  }
}

const PASSING: readonly BusErrorCode[] = [
  BusErrorCode.noResponders,
  BusErrorCode.timeout,
  BusErrorCode.disconnected,
]

function isPassing(error: BusError): boolean {
  return PASSING.includes(error.code) || error.errCode === JETSTREAM_ERROR.temporarilyUnavailable
}

/** @throws {BusError} `stream_weakened` */
export function refuseWeakenedStream(name: string, found: readonly string[]): void {
  if (found.length === 0) return
  throw new BusError(
    BusErrorCode.streamWeakened,
    `stream \`${name}\` is not as declared: ${found.join('; ')}: ` +
      'find out who changed it, then set it back or move its data away',
  )
}
