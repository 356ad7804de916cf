import type { FastifyInstance } from '@verdict/service'
import type { Store } from '../store.ts'
import { entryJson } from '../stream/event-stream.ts'
import { decisionId, notInLog } from './decision-id.ts'
import { readParameter } from './parameters.ts'

/** `GET /v1/decisions/:id`: one decision, `{index, hash, record}`. */
export function addGetDecision(http: FastifyInstance, store: Store): void {
  http.get<{ Params: { id: string } }>('/v1/decisions/:id', async (request, reply) => {
    const wanted = readParameter('id', decisionId, request.params.id)
    const entry = store.find(wanted)
    if (entry === undefined) throw notInLog(wanted)
    return reply.type('application/json').send(entryJson(entry))
  })
}
