import {
  type FastifyInstance,
  type FastifyRequest,
  HttpError,
  HttpErrorCode,
} from '@verdict/service'
import type { Guard } from '../authorization/guard.ts'
import type { Events } from '../events.ts'
import { describe, type Operation } from '../openapi/operation.ts'
import { ref } from '../openapi/schema.ts'
import type { Store } from '../store.ts'
import { streamEntries } from '../stream/event-stream.ts'
import { type Feed, STREAMS_MAX } from '../stream/feed.ts'
import { streamParameters } from './filter-parameters.ts'
import { parameter, readParameter, readParameters } from './parameters.ts'

const after = parameter.integer({ min: 0, max: Number.MAX_SAFE_INTEGER })
const parameters = { ...streamParameters, after } as const

const operation: Operation = {
  summary: 'Follow decisions as server-sent events',
  description:
    'Live, or from behind an index of the log; the id of each event is its index. The reader is ' +
    'authorized again every five minutes, and the stream ends where it is not.',
  query: parameters,
  headers: { 'last-event-id': after },
  answers: {
    200: { description: 'events', type: 'text/event-stream', schema: { type: 'string' } },
    429: { description: 'as many streams are open as may be', schema: ref('Error') },
  },
}

const HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  // nginx would hold events back.
  'x-accel-buffering': 'no',
  connection: 'close',
} as const

export interface StreamDecisionsOptions {
  readonly store: Store
  readonly feed: Feed
  readonly events: Events
  readonly guard: Pick<Guard, 'watch'>
  /** Ends all streams. */
  readonly signal: AbortSignal
  readonly keepAliveMs?: number
  readonly drainTimeoutMs?: number
}

/**
 * `GET /v1/stream`: decisions as server-sent events, live, or from behind the index that the
 * header `Last-Event-ID` or else `after` names; `0` is the beginning of the log.
 */
export function addStreamDecisions(http: FastifyInstance, options: StreamDecisionsOptions): void {
  const { store, feed, events, guard } = options
  // A HEAD request would be answered by a stream that never ends.
  http.get(
    '/v1/stream',
    { exposeHeadRoute: false, ...describe(operation) },
    async (request, reply) => {
      const { after: asked, ...filter } = readParameters(parameters, request.query)
      const begin = startOf(request, asked, store.lastIndex)
      using place = feed.enter()
      if (place === undefined) {
        const message = `${STREAMS_MAX} streams are open: close one, or ask again later`
        throw new HttpError(HttpErrorCode.tooManyRequests, message)
      }
      using watched = guard.watch(request)
      const signal = AbortSignal.any([options.signal, watched.signal])
      reply.hijack()
      reply.raw.writeHead(200, HEADERS)
      try {
        const stream = { ...options, source: store, filter, after: begin, signal }
        const end = await streamEntries(reply.raw, stream)
        if (end === 'cut') events.streamCut({ address: request.ip, after: begin })
      } catch (error) {
        events.streamFailed(error)
        reply.raw.destroy()
      }
    },
  )
}

function startOf(request: FastifyRequest, asked: number | undefined, lastIndex: number): number {
  const header = request.headers['last-event-id']
  const begin = header === undefined ? asked : readParameter('Last-Event-ID', after, header)
  if (begin === undefined) return lastIndex
  if (begin <= lastIndex) return begin
  const end = `which ends at ${lastIndex}: begin there, or ask the log that it is of`
  throw new HttpError(HttpErrorCode.badRequest, `index \`${begin}\` is beyond the log, ${end}`)
}
