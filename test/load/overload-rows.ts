import type { DecisionPoint } from '@verdict/kit'
import { type LoadFigures, quantile, steady } from './load.ts'
import { median, residentMegabytes } from './machine.ts'
import type { Outcome, OverloadClient } from './overload-clients.ts'

/** What was offered to a decision point for some time, and what became of it. */
export interface OverloadRow {
  /** A multiple of the capacity. */
  readonly times: number
  readonly offeredPerSecond: number
  readonly answeredPerSecond: number
  readonly shed: number
  readonly late: number
  /** Due while too many were under way at the client. */
  readonly missed: number
  /** Neither answered, nor shed, nor late; and what was allowed though the policy denies it. */
  readonly wrong: readonly string[]
  /** Of the decisions that were answered. */
  readonly p50: number
  readonly p99: number
  /** Of the decision point, over the time. */
  readonly megabytes: number
  readonly answeredIds: readonly string[]
}

/** Some ms for a decision, so that one client can offer many times of what can be decided. */
export const SLOW_POLICY = {
  'authz.rego': `package envoy.authz

default allow := false

work := count([1 | some a in data.numbers; some b in data.numbers; a == b])

allow if {
  work == 260
  input.parsed_path[0] == "orders"
}
`,
  'data.json': JSON.stringify({ numbers: Array.from({ length: 260 }, (_, n) => n) }),
} as const

const DENIED_EACH = 3
const CALLERS = 3
const SAMPLES = 10

/** Decisions a second where a few callers wait for each answer: nothing is turned away then. */
export async function capacityOf({ ask }: OverloadClient, forMs: number): Promise<number> {
  const began = performance.now()
  let answered = 0
  const caller = async (): Promise<void> => {
    while (performance.now() - began < forMs) {
      const { kind } = await ask('/orders/1')
      if (kind === 'answered') answered++
    }
  }
  await Promise.all(Array.from({ length: CALLERS }, caller))
  return answered / ((performance.now() - began) / 1_000)
}

export interface Offer {
  readonly times: number
  readonly capacity: number
  readonly forMs: number
}

/** Offers a multiple of the capacity in an open loop: callers that don't wait for each other. */
export async function offer(
  point: DecisionPoint,
  client: OverloadClient,
  { times, capacity, forMs }: Offer,
): Promise<OverloadRow> {
  const tally = new Tally()
  let asked = 0
  const ask = async (): Promise<void> => {
    const denied = asked++ % DENIED_EACH === 0
    const began = performance.now()
    tally.add(await client.ask(denied ? '/secrets/1' : '/orders/1'), !denied, began)
  }
  const megabytes: number[] = []
  const sampler = setInterval(() => megabytes.push(residentMegabytes(point.pid)), forMs / SAMPLES)
  const offeredPerSecond = times * capacity
  const { missed, seconds } = await steady(ask, offeredPerSecond, forMs)
  clearInterval(sampler)
  const { answeredIds, shed, late, wrong, latencies } = tally
  return {
    times,
    offeredPerSecond,
    answeredPerSecond: answeredIds.length / seconds,
    shed,
    late,
    missed,
    wrong,
    p50: quantile(latencies, 0.5),
    p99: quantile(latencies, 0.99),
    megabytes: median(megabytes),
    answeredIds,
  }
}

class Tally {
  readonly answeredIds: string[] = []
  readonly wrong: string[] = []
  shed = 0
  late = 0
  readonly #latenciesMs: number[] = []

  get latencies(): Pick<LoadFigures, 'latenciesMs'> {
    return { latenciesMs: this.#latenciesMs }
  }

  add(outcome: Outcome, allowed: boolean, beganMs: number): void {
    if (outcome.kind === 'shed') {
      this.shed++
    } else if (outcome.kind === 'late') {
      this.late++
    } else if (outcome.kind === 'strange') {
      this.wrong.push(outcome.what)
    } else {
      this.answeredIds.push(outcome.id)
      this.#latenciesMs.push(performance.now() - beganMs)
      if (outcome.allowed !== allowed) this.wrong.push(`allowed: ${outcome.allowed}`)
    }
  }
}
