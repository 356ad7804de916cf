import { type FastifyInstance, HttpError, HttpErrorCode } from '@verdict/service'
import type { Store } from '../store.ts'
import { PAGE_DEFAULT, pageParameters } from './list-decisions.ts'
import { parameter, readParameter, readParameters } from './parameters.ts'

const id = parameter.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })

/**
 * `GET /v1/findings`: what is wrong with the journals that arrived, newest first, as
 * `{findings, next}`. `GET /v1/findings/:id/evidence`: the bytes that one of them is about, where
 * they are not in the log.
 */
export function addListFindings(http: FastifyInstance, store: Store): void {
  http.get('/v1/findings', async (request) => {
    const page = readParameters(pageParameters, request.query)
    const { limit = PAGE_DEFAULT, after = Number.MAX_SAFE_INTEGER } = page
    const findings = store.findings({ before: after, limit })
    const last = findings.length === limit ? findings.at(-1) : undefined
    return last === undefined ? { findings } : { findings, next: String(last.id) }
  })

  http.get<{ Params: { id: string } }>('/v1/findings/:id/evidence', async (request, reply) => {
    const evidence = store.evidence(readParameter('id', id, request.params.id))
    if (evidence === undefined) {
      const message = `finding \`${request.params.id}\` has no evidence, or does not exist`
      throw new HttpError(HttpErrorCode.notFound, message)
    }
    return reply.type('application/octet-stream').send(Buffer.from(evidence))
  })
}
