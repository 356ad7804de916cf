import type { FastifyInstance, FastifyRequest } from '@verdict/service'
import type { NoteBody } from '../log/note.ts'
import type { Guard } from './guard.ts'

/** Of a longer path the beginning is kept; there is no such route. */
const PATH_CHARS_MAX = 500

export interface OperationRecordOptions {
  readonly guard: Pick<Guard, 'decisionOf' | 'hasAllowed'>
  readonly store: { note(kind: 'operation', body: NoteBody): number }
  /** In ms; default: `Date.now`. */
  readonly now?: () => number
}

/**
 * Whoever has called an endpoint that changes something is in the log before the answer is sent,
 * whatever came of it: when, from where, and by which decision, where one was asked for; that one
 * has the name. Where that can't be
 * written the caller gets an error.
 */
export function recordOperations(
  http: FastifyInstance,
  { guard, now = Date.now, store }: OperationRecordOptions,
): void {
  const recorded = new WeakSet<FastifyRequest>()
  http.addHook('onSend', async (request, reply) => {
    const { ip: address, method, routeOptions, url } = request
    const changes = method !== 'GET' && method !== 'HEAD' && routeOptions.url !== undefined
    // A caller that was not let in has changed nothing, and its refusal is a decision on record.
    if (!(changes && guard.hasAllowed(request)) || recorded.has(request)) return
    recorded.add(request)
    const path = (url.split('?', 1)[0] ?? url).slice(0, PATH_CHARS_MAX)
    const at = new Date(now()).toISOString()
    const decision = guard.decisionOf(request)
    const { statusCode: status } = reply
    const who = { address, ...(decision === undefined ? {} : { decision }) }
    store.note('operation', { ...who, at, method, path, status })
  })
}
