import {
  type DecisionPoint,
  remembered,
  startBus,
  startDecisionPoint,
  startIdentityResponder,
  streamLines,
  waitFor,
} from '@verdict/kit'
import { grpcOverloadClient, httpOverloadClient, type OverloadClient } from './overload-clients.ts'
import { capacityOf, type OverloadRow, offer, SLOW_POLICY } from './overload-rows.ts'
import { CHECK_HEADERS, checkRequest, IDENTITY } from './question.ts'

/** How long each step takes. */
export interface OverloadTiming {
  readonly warmUpMs: number
  readonly capacityMs: number
  readonly offerMs: number
}

export interface OverloadFigures {
  readonly name: string
  /** Decisions a second, in the same run. */
  readonly capacity: number
  /** Below, at and above the capacity; the last two are alike, so that what grows is seen. */
  readonly rows: readonly OverloadRow[]
}

const TIMES = [0.5, 1, 2, 4, 4] as const
const STREAMED_DEADLINE_MS = 20_000

/** Overloads a decision point, by each protocol in turn; the ids of all records come with it. */
export async function overload(timing: OverloadTiming): Promise<{
  readonly figures: readonly OverloadFigures[]
  readonly recordedIds: readonly string[]
}> {
  await using bus = await startBus()
  await using _authn = await startIdentityResponder(bus, () => remembered(IDENTITY))
  // What is remembered costs next to nothing: there would be no overload.
  const settings = { VERDICT_AUTHZ_MEMO_BYTES_MAX: '0' }
  await using point = await startDecisionPoint({ bus, policies: SLOW_POLICY, settings })
  const figures: OverloadFigures[] = []
  for (const [name, open] of CLIENTS) {
    await using client = open(point)
    await capacityOf(client, timing.warmUpMs)
    const capacity = await capacityOf(client, timing.capacityMs)
    const rows: OverloadRow[] = []
    for (const times of TIMES) {
      rows.push(await offer(point, client, { times, capacity, forMs: timing.offerMs }))
    }
    figures.push({ name, capacity, rows })
  }
  await waitFor(async () => (await point.metric('verdict_journal_unshipped')) === 0, {
    deadlineMs: STREAMED_DEADLINE_MS,
    what: 'all records to be in the stream',
  })
  const recordedIds = (await streamLines(bus)).map(({ record }) => record.id)
  return { figures, recordedIds }
}

const CLIENTS: readonly (readonly [name: string, (point: DecisionPoint) => OverloadClient])[] = [
  [
    'gRPC',
    ({ grpcPort }) => {
      const messages = new Map<string, Uint8Array>()
      return grpcOverloadClient(grpcPort, (path) => {
        const message = messages.get(path) ?? checkRequest(path)
        messages.set(path, message)
        return message
      })
    },
  ],
  [
    'HTTP',
    ({ process: { port } }) =>
      httpOverloadClient(port, (path) => ({ ...CHECK_HEADERS, 'x-forwarded-uri': path })),
  ],
]
