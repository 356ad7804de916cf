import type { FastifyInstance } from '@verdict/service'
import { describe, type Operation } from '../openapi/operation.ts'
import { ref } from '../openapi/schema.ts'
import type { Store } from '../store.ts'
import { entryJson } from '../stream/event-stream.ts'
import { decisionId, notInLog } from './decision-id.ts'
import { readParameter } from './parameters.ts'

const operation: Operation = {
  summary: 'One decision',
  path: { id: decisionId },
  answers: {
    200: { description: 'the decision, as it was hashed', schema: ref('Decision') },
    404: { description: 'it is not in the log, or not yet', schema: ref('Error') },
    410: { description: 'records of its time were pruned', schema: ref('Error') },
  },
}

/** `GET /v1/decisions/:id`: one decision, `{index, hash, record}`. */
export function addGetDecision(http: FastifyInstance, store: Store): void {
  http.get<{ Params: { id: string } }>(
    '/v1/decisions/:id',
    describe(operation),
    async (request, reply) => {
      const wanted = readParameter('id', decisionId, request.params.id)
      const entry = store.find(wanted)
      if (entry === undefined) throw notInLog(wanted, store)
      return reply.type('application/json').send(entryJson(entry))
    },
  )
}
