/** The target turned a question away, because more come than it can answer. */
export class TurnedAway extends Error {}

/**
 * Asks one question and resolves when the answer is here; rejects with TurnedAway where there is
 * none, and otherwise where it is the wrong one.
 */
export type Ask = () => Promise<void>

export interface LoadFigures {
  readonly answers: number
  readonly seconds: number
  /** Of each answer, from when it was due to be asked. */
  readonly latenciesMs: readonly number[]
  /** Questions that were due while too many were under way, which were not asked, or turned away. */
  readonly missed: number
}

const CALLERS = 32
/** Of an open loop; beyond it the target is past its capacity, and says so as `missed`. */
const IN_FLIGHT_MAX = 2_000

/** A fixed number of questions under way: as many answers as the target can give. */
export async function saturate(ask: Ask, forMs: number): Promise<LoadFigures> {
  const latenciesMs: number[] = []
  const began = performance.now()
  const caller = async (): Promise<void> => {
    while (performance.now() - began < forMs) {
      const asked = performance.now()
      await ask()
      latenciesMs.push(performance.now() - asked)
    }
  }
  await Promise.all(Array.from({ length: CALLERS }, caller))
  const seconds = (performance.now() - began) / 1_000
  return { answers: latenciesMs.length, seconds, latenciesMs, missed: 0 }
}

/** So many questions a second, whether or not the ones before are answered (an open loop). */
export async function steady(ask: Ask, perSecond: number, forMs: number): Promise<LoadFigures> {
  const latenciesMs: number[] = []
  const underWay = new Set<Promise<void>>()
  const intervalMs = 1_000 / perSecond
  const began = performance.now()
  let due = 0
  let missed = 0
  let failed: unknown
  while (performance.now() - began < forMs) {
    for (; due * intervalMs <= performance.now() - began; due++) {
      if (underWay.size >= IN_FLIGHT_MAX) {
        missed++
        continue
      }
      const dueMs = began + due * intervalMs
      const asked: Promise<void> = ask()
        .then(() => {
          latenciesMs.push(performance.now() - dueMs)
        })
        .catch((thrown: unknown) => {
          if (thrown instanceof TurnedAway) missed++
          else failed ??= thrown
        })
        .finally(() => underWay.delete(asked))
      underWay.add(asked)
    }
    await new Promise((resolve) => {
      setTimeout(resolve, 1)
    })
  }
  await Promise.all(underWay)
  if (failed !== undefined) throw failed
  const seconds = (performance.now() - began) / 1_000
  return { answers: latenciesMs.length, seconds, latenciesMs, missed }
}

/** The latency that this share of the answers does not exceed. */
export function quantile({ latenciesMs }: Pick<LoadFigures, 'latenciesMs'>, share: number): number {
  const sorted = Float64Array.from(latenciesMs).sort()
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN
}
