import type { Journals } from './journals.ts'
import type { Asked } from './load.ts'

/** What each caller was told and what the log says must be the same. */
export interface Judgement {
  readonly acknowledged: number
  /** Decisions that a caller was told, and that the log does not have. */
  readonly lost: number
  /** Decisions of the log that nobody asked for, or that say something else than was told. */
  readonly forged: number
  /** Decisions, places in a journal and requests that the log has twice. */
  readonly duplicated: number
  /** The first of each kind, for people. */
  readonly examples: readonly string[]
}

const EXAMPLES_MAX = 5
const OUTCOME_OF = { GET: 'allow', POST: 'deny' } as const
/** Callers never hear of it, so any request may have one. */
const FAULT = 'error'

/** @param asked by the id of the request */
export function judge(asked: ReadonlyMap<string, Asked>, journals: Journals): Judgement {
  const lost: string[] = []
  const forged: string[] = []
  const duplicated = [...journals.duplicated]
  let acknowledged = 0
  for (const [request, { decision }] of asked) {
    if (decision === undefined) continue
    acknowledged++
    const logged = journals.decisions.get(decision)
    if (logged === undefined) lost.push(`request ${request}, decision ${decision}`)
    else if (logged.request !== request) forged.push(`decision ${decision} is of another request`)
  }
  const requests = new Set<string>()
  for (const { id, request, outcome } of journals.decisions.values()) {
    const caller = request === undefined ? undefined : asked.get(request)
    if (request === undefined || caller === undefined) {
      forged.push(`decision ${id} of request ${request}, which nobody sent`)
      continue
    }
    if (requests.has(request)) duplicated.push(`request ${request}`)
    requests.add(request)
    const told = caller.decision !== undefined
    if (outcome !== OUTCOME_OF[caller.method] && (told || outcome !== FAULT)) {
      forged.push(`decision ${id} of a ${caller.method} is \`${outcome}\``)
    }
  }
  const examples = [
    ...lost.slice(0, EXAMPLES_MAX).map((what) => `lost: ${what}`),
    ...forged.slice(0, EXAMPLES_MAX).map((what) => `forged: ${what}`),
    ...duplicated.slice(0, EXAMPLES_MAX).map((what) => `twice in the log: ${what}`),
  ]
  return {
    acknowledged,
    lost: lost.length,
    forged: forged.length,
    duplicated: duplicated.length,
    examples,
  }
}
