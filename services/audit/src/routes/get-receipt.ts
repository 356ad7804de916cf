import { type FastifyInstance, HttpError, HttpErrorCode } from '@verdict/service'
import type { Store } from '../store.ts'
import { decisionId, notInLog } from './decision-id.ts'
import { readParameter } from './parameters.ts'

/**
 * `GET /v1/decisions/:id/receipt`: what proves offline that the decision is in the log, a
 * `tlog-proof@v1`. A decision that was recorded just now waits for its checkpoint.
 */
export function addGetReceipt(http: FastifyInstance, store: Store): void {
  http.get<{ Params: { id: string } }>('/v1/decisions/:id/receipt', async (request, reply) => {
    const wanted = readParameter('id', decisionId, request.params.id)
    const receipt = await store.receipt(wanted)
    if (receipt === undefined) throw notInLog(wanted)
    if (receipt === 'uncovered') {
      const message = `decision \`${wanted}\` is in no checkpoint yet: ask again`
      throw new HttpError(HttpErrorCode.unavailable, message)
    }
    return reply.type('text/plain; charset=utf-8').send(receipt)
  })
}
