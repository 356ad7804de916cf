import type { FastifyInstance } from '@verdict/service'
import { FIRST_INDEX } from '../log/log-entry.ts'
import type { Store } from '../store.ts'
import { entryJson } from '../stream/event-stream.ts'
import { filterOf, filterParameters } from './filter-parameters.ts'
import { parameter, readParameters } from './parameters.ts'

export const PAGE_DEFAULT = 100
export const PAGE_MAX = 1000

/** Of every list: how much of it, and where it goes on. */
export const pageParameters = {
  limit: parameter.integer({ min: 1, max: PAGE_MAX }),
  after: parameter.integer({ min: FIRST_INDEX, max: Number.MAX_SAFE_INTEGER }),
} as const

const parameters = { ...filterParameters, ...pageParameters } as const

/**
 * `GET /v1/decisions`: decisions that match all parameters, newest in the log first, as
 * `{decisions, next}`. `next` is the `after` of the next page: it stays good, because the log only
 * grows at the other end. A page can be short and still have a `next`, when the search took long.
 */
export function addListDecisions(http: FastifyInstance, store: Store): void {
  http.get('/v1/decisions', async (request, reply) => {
    const { limit = PAGE_DEFAULT, after, ...values } = readParameters(parameters, request.query)
    const page = after === undefined ? { limit } : { limit, before: after }
    const { entries, next } = await store.page(filterOf(values), page)
    const cursor = next === undefined ? '' : `,"next":"${next}"`
    const decisions = entries.map(entryJson).join(',')
    return reply.type('application/json').send(`{"decisions":[${decisions}]${cursor}}`)
  })
}
