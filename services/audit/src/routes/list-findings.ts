import { type FastifyInstance, HttpError, HttpErrorCode } from '@verdict/service'
import { describe, type Operation } from '../openapi/operation.ts'
import { ref } from '../openapi/schema.ts'
import type { Store } from '../store.ts'
import { PAGE_DEFAULT, pageParameters } from './list-decisions.ts'
import { parameter, readParameter, readParameters } from './parameters.ts'

const id = parameter.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })

const listing: Operation = {
  summary: 'What is wrong with the journals that arrived',
  query: pageParameters,
  answers: { 200: { description: 'one page', schema: ref('Findings') } },
}
const reading: Operation = {
  summary: 'The bytes that a finding is about',
  path: { id },
  answers: {
    200: { description: 'the bytes', type: 'application/octet-stream', schema: {} },
    404: { description: 'it has none, or does not exist', schema: ref('Error') },
  },
}

/**
 * `GET /v1/findings`: what is wrong with the journals that arrived, newest first, as
 * `{findings, next}`. `GET /v1/findings/:id/evidence`: the bytes that one of them is about, where
 * they are not in the log.
 */
export function addListFindings(http: FastifyInstance, store: Store): void {
  http.get('/v1/findings', describe(listing), async (request) => {
    const page = readParameters(pageParameters, request.query)
    const { limit = PAGE_DEFAULT, after = Number.MAX_SAFE_INTEGER } = page
    const findings = store.findings({ before: after, limit })
    const last = findings.length === limit ? findings.at(-1) : undefined
    return last === undefined ? { findings } : { findings, next: String(last.id) }
  })

  http.get<{ Params: { id: string } }>(
    '/v1/findings/:id/evidence',
    describe(reading),
    async (request, reply) => {
      const evidence = store.evidence(readParameter('id', id, request.params.id))
      if (evidence === undefined) {
        const message = `finding \`${request.params.id}\` has no evidence, or does not exist`
        throw new HttpError(HttpErrorCode.notFound, message)
      }
      return reply.type('application/octet-stream').send(Buffer.from(evidence))
    },
  )
}
