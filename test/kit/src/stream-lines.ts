import {
  DECISIONS,
  type DecisionLine,
  isDecisionLine,
  type JournalLine,
  parseJournalBatch,
  type Role,
} from '@verdict/contract'
import type { NatsConnection } from 'nats'
import { waitFor } from './wait-for.ts'

const STREAMED_DEADLINE_MS = 20_000
const REQUEST_TIMEOUT_MS = 5_000

/** A bus, or a cluster with one. */
export interface Bus {
  connect(role: Role): Promise<NatsConnection>
}

/** The line of every decision that the stream of a bus holds, in its order. */
export async function streamLines(bus: Bus): Promise<DecisionLine[]> {
  return (await allStreamLines(bus)).filter(isDecisionLine)
}

/** The lines of all records, those of events among them. */
export async function allStreamLines(bus: Bus): Promise<JournalLine[]> {
  const nc = await bus.connect('provisioner')
  try {
    const ask = async (subject: string, query: object) => {
      const timeout = REQUEST_TIMEOUT_MS
      return (await nc.request(subject, JSON.stringify(query), { timeout })).json<StreamReply>()
    }
    const { state } = await ask(`$JS.API.STREAM.INFO.${DECISIONS.name}`, {})
    const lines: JournalLine[] = []
    for (let seq = state?.first_seq ?? 1; seq <= (state?.last_seq ?? 0); seq++) {
      const { message } = await ask(`$JS.API.STREAM.MSG.GET.${DECISIONS.name}`, { seq })
      const batch = message && parseJournalBatch(Buffer.from(message.data, 'base64'))
      lines.push(...(batch?.lines ?? []))
    }
    return lines
  } finally {
    await nc.close()
  }
}

/** The line of one decision in the stream, as soon as it is there. */
export async function streamedDecision(bus: Bus, id: string | undefined): Promise<DecisionLine> {
  return await waitFor(
    async () => (await streamLines(bus)).find(({ record }) => record.id === id),
    { deadlineMs: STREAMED_DEADLINE_MS, what: `decision ${id} to be in the stream` },
  )
}

/** The parts of JetStream's answers that are looked at. */
interface StreamReply {
  readonly state?: { readonly first_seq: number; readonly last_seq: number }
  readonly message?: { readonly data: string }
}
