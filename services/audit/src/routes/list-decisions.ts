import type { FastifyInstance } from '@verdict/service'
import { FIRST_INDEX } from '../log/log-entry.ts'
import { describe, type Operation } from '../openapi/operation.ts'
import { ref } from '../openapi/schema.ts'
import type { Store } from '../store.ts'
import { entryJson } from '../stream/event-stream.ts'
import { cursorParameter, cursorText, requireSameSearch, searchOf } from './cursor.ts'
import { filterOf, filterParameters } from './filter-parameters.ts'
import { parameter, readParameters } from './parameters.ts'

export const PAGE_DEFAULT = 100
export const PAGE_MAX = 1000

/** Of every list: how much of it, and where it goes on. */
export const pageParameters = {
  limit: parameter.integer({ min: 1, max: PAGE_MAX }),
  after: parameter.integer({ min: FIRST_INDEX, max: Number.MAX_SAFE_INTEGER }),
} as const

const parameters = {
  ...filterParameters,
  limit: pageParameters.limit,
  after: cursorParameter,
} as const

const operation: Operation = {
  summary: 'Search decisions',
  description:
    'Decisions that match all parameters. A page may be short, or empty, and still have a `next`, ' +
    'when the search took long. `next` stays good whatever is added to the log.',
  query: parameters,
  answers: { 200: { description: 'one page', schema: ref('Decisions') } },
}

/**
 * `GET /v1/decisions`: decisions that match all parameters, newest in the log first, as
 * `{decisions, next}`. `next` is the `after` of the next page of the same search: it stays good,
 * because the log only grows at the other end. A page can be short and still have a `next`, when the search took long.
 */
export function addListDecisions(http: FastifyInstance, store: Store): void {
  http.get('/v1/decisions', describe(operation), async (request, reply) => {
    const { limit = PAGE_DEFAULT, after, ...values } = readParameters(parameters, request.query)
    const search = searchOf(values)
    requireSameSearch(after, search)
    const page = after === undefined ? { limit } : { limit, before: after.before }
    const { entries, next } = await store.page(filterOf(values), page)
    const cursor = next === undefined ? '' : `,"next":"${cursorText(next, search)}"`
    const decisions = entries.map(entryJson).join(',')
    return reply.type('application/json').send(`{"decisions":[${decisions}]${cursor}}`)
  })
}
