import type { Case } from './case-files.ts'
import { judge, type Outcome } from './judge.ts'
import { queryVariables } from './query-variables.ts'

/** Each keeps a process of `opa` busy. */
const CASES_AT_ONCE = 2

export interface Judged {
  readonly asked: Case
  readonly outcome: Outcome
}

/** Runs cases, some at a time; `onDone` is told how many are through. */
export async function runCases(
  opa: string,
  cases: readonly Case[],
  onDone: (done: number) => void,
): Promise<Judged[]> {
  const variables = await queryVariables(
    opa,
    cases.map(({ query }) => query),
  )
  const judged: Judged[] = []
  const waiting = cases.values()
  const work = async () => {
    for (const asked of waiting) {
      judged.push({ asked, outcome: await judge(opa, asked, variables.get(asked.query)) })
      onDone(judged.length)
    }
  }
  await Promise.all(Array.from({ length: CASES_AT_ONCE }, work))
  const order = new Map(cases.map((asked, at) => [asked, at]))
  return judged.toSorted((a, b) => (order.get(a.asked) ?? 0) - (order.get(b.asked) ?? 0))
}
