import type { FastifyInstance } from '@verdict/service'
import { describe, type Operation } from '../openapi/operation.ts'
import { ref } from '../openapi/schema.ts'
import type { ChainState, Store } from '../store.ts'
import { PAGE_DEFAULT, pageParameters } from './list-decisions.ts'
import { readParameters } from './parameters.ts'

const operation: Operation = {
  summary: 'Where the journal of each decision point stands',
  query: pageParameters,
  answers: { 200: { description: 'one page', schema: ref('Instances') } },
}

/**
 * `GET /v1/instances`: where the journal of each decision point stands, the newest journal first,
 * as `{instances, next}`.
 */
export function addListInstances(http: FastifyInstance, store: Store): void {
  http.get('/v1/instances', describe(operation), async (request) => {
    const page = readParameters(pageParameters, request.query)
    const { limit = PAGE_DEFAULT, after = Number.MAX_SAFE_INTEGER } = page
    const states = store.chains({ before: after, limit })
    const last = states.length === limit ? states.at(-1) : undefined
    const instances = states.map(instanceJson)
    return last === undefined ? { instances } : { instances, next: String(last.chain.id) }
  })
}

function instanceJson({ chain, dropped, gaps, missing, unresolved }: ChainState) {
  const { instance, epoch, last, lastHash, seenAtMs } = chain
  const lastSeen = new Date(seenAtMs).toISOString()
  const state = { missing, dropped, gaps, findings: unresolved }
  return { instance, epoch, last, lastHash, lastSeen, ...state }
}
