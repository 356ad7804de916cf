import {
  createHealth,
  createHttp,
  errorBody,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  HttpErrorCode,
} from '@verdict/service'
import { ADD_CHECKPOINT_BYTES_MAX, ADD_CHECKPOINT_PATH } from '@verdict/tlog'
import type { WitnessEvents } from './events.ts'
import type { Witness } from './witness.ts'
import type { WitnessState } from './witness-state.ts'

/** Bytes of bodies that are held at once; who would send more gets 503. */
const BODIES_BYTES_MAX = 32 * 1024 * 1024

export interface WitnessServerOptions {
  readonly witness: Witness
  readonly state: WitnessState
  readonly events: WitnessEvents
  /** The witness can't go on, and must be stopped. */
  readonly fail: (error: unknown) => void
}

/** The HTTP interface of c2sp.org/tlog-witness, and what operators ask of a process. */
export function createWitnessServer(options: WitnessServerOptions): FastifyInstance {
  const { events, fail, state, witness } = options
  const health = createHealth()
  let failure: unknown
  health.check('state', () => ({
    ok: failure === undefined,
    detail: failure === undefined ? 'it can be written' : 'it could not be written',
  }))
  const http = createHttp({
    log: events,
    metrics: events.metrics,
    health,
    bodyBytesMax: ADD_CHECKPOINT_BYTES_MAX,
    bodiesBytesMax: BODIES_BYTES_MAX,
  })
  // The specification names no type of the body, so whatever a client says of it is not read.
  http.removeAllContentTypeParsers()
  http.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
  const onRequest = async ({ headers }: FastifyRequest): Promise<void> => {
    delete headers['content-type']
  }

  http.post(`/${ADD_CHECKPOINT_PATH}`, { onRequest }, async ({ body }, reply) => {
    if (failure !== undefined) return unavailable(reply)
    try {
      const answer = witness.addCheckpoint(body instanceof Uint8Array ? body : new Uint8Array(0))
      if ('reason' in answer) {
        const { code, message } = answer.reason
        return reply.code(answer.status).send(errorBody(code, message))
      }
      return reply.code(answer.status).type(answer.type).send(answer.body)
    } catch (error) {
      // What is on disk is not known any more: the next start finds out.
      failure = error
      events.answered(503)
      fail(error)
      return unavailable(reply)
    }
  })

  http.get<{ Params: { hash: string } }>('/:hash/checkpoint', async ({ params }, reply) => {
    const latest = state.latestByHash(params.hash)
    if (latest === undefined) return reply.callNotFound()
    return reply
      .type('text/plain; charset=utf-8')
      .header('cache-control', 'no-cache')
      .send(latest.note)
  })
  return http
}

function unavailable(reply: FastifyReply): FastifyReply {
  const message = 'the witness has no state that it can rely on, and stops'
  return reply.code(503).send(errorBody(HttpErrorCode.unavailable, message))
}
