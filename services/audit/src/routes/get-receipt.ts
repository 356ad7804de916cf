import { type FastifyInstance, HttpError, HttpErrorCode } from '@verdict/service'
import { describe, type Operation } from '../openapi/operation.ts'
import { ref } from '../openapi/schema.ts'
import type { Store } from '../store.ts'
import { decisionId, notInLog } from './decision-id.ts'
import { readParameter } from './parameters.ts'

const operation: Operation = {
  summary: 'What proves that a decision is in the log',
  path: { id: decisionId },
  answers: {
    200: { description: 'a tlog-proof', type: 'text/plain' },
    404: { description: 'it is not in the log, or not yet', schema: ref('Error') },
    410: { description: 'records of its time were pruned', schema: ref('Error') },
  },
}

/**
 * `GET /v1/decisions/:id/receipt`: what proves offline that the decision is in the log, a
 * `tlog-proof@v1`. A decision that was recorded just now waits for its checkpoint.
 */
export function addGetReceipt(http: FastifyInstance, store: Store): void {
  http.get<{ Params: { id: string } }>(
    '/v1/decisions/:id/receipt',
    describe(operation),
    async (request, reply) => {
      const wanted = readParameter('id', decisionId, request.params.id)
      const receipt = await store.receipt(wanted)
      if (receipt === undefined) throw notInLog(wanted, store)
      if (receipt === 'uncovered') {
        const message = `decision \`${wanted}\` is in no checkpoint yet: ask again`
        throw new HttpError(HttpErrorCode.unavailable, message)
      }
      return reply.type('text/plain; charset=utf-8').send(receipt)
    },
  )
}
