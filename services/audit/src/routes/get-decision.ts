import { type DecisionId, isDecisionId } from '@verdict/contract'
import { type FastifyInstance, HttpError, HttpErrorCode } from '@verdict/service'
import type { Store } from '../store.ts'
import { entryJson } from '../stream/event-stream.ts'
import { type Parameter, readParameter } from './parameters.ts'

const id: Parameter<DecisionId> = {
  form: 'the id of a decision, a UUIDv7 in lower case',
  parse: (text) => (isDecisionId(text) ? text : undefined),
}

/** `GET /v1/decisions/:id`: one decision, `{index, hash, record}`. */
export function addGetDecision(http: FastifyInstance, store: Store): void {
  http.get<{ Params: { id: string } }>('/v1/decisions/:id', async (request, reply) => {
    const wanted = readParameter('id', id, request.params.id)
    const entry = store.find(wanted)
    if (entry === undefined) {
      const why = 'it was not taken, or its record is still on the way: ask again'
      throw new HttpError(
        HttpErrorCode.notFound,
        `decision \`${wanted}\` is not in the log: ${why}`,
      )
    }
    return reply.type('application/json').send(entryJson(entry))
  })
}
