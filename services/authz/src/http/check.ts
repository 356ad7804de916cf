import { METHODS } from 'node:http'
import { Protocol } from '@verdict/contract'
import { errorBody, type FastifyInstance, type FastifyReply } from '@verdict/service'
import { groupHeaders, joinedHeaders } from '../answer-headers.ts'
import type { Answer, Decider } from '../decide.ts'
import { AuthzError, AuthzErrorCode, isMalformed, type QuestionEvents } from '../errors.ts'
import { FAULT_STATUS } from '../fault.ts'
import { ID_HEADER, REASON_HEADER } from '../own-headers.ts'
import type { HeaderChange } from '../result/policy-result.ts'
import { callerOf, oneTurnIfNew } from './caller.ts'
import { CHECK_PATH, readQuestion } from './question.ts'
import { hideRequests, PLAIN_ROUTE, targetOf } from './target.ts'

/** Envoy takes these headers from the request before it hands it on. */
const REMOVE_HEADER = 'x-envoy-auth-headers-to-remove'
/** A longer reason is cut: it is in the record. */
const REASON_CHARS_MAX = 256
/** When one that was turned away may ask again. */
export const RETRY_AFTER_S = 1

/** Adds `/check` and `/check/…` for any method. */
export async function addCheckRoutes(
  http: FastifyInstance,
  decider: Pick<Decider, 'decide'>,
  events: QuestionEvents,
  timeoutHeader?: string,
): Promise<void> {
  hideRequests(http.server)
  await http.register(async (scope) => {
    // Every method that Node reads; a tunnel is nothing to be asked about here.
    const methods = METHODS.filter((method) => method !== 'CONNECT')
    // A body belongs to the request that is asked about, whatever its method: it stays as it is.
    for (const method of methods) {
      scope.addHttpMethod(method, { hasBody: true, overrideExisting: true })
    }
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => {
      done(null, body)
    })
    for (const url of [CHECK_PATH, PLAIN_ROUTE]) {
      scope.route({
        method: methods,
        url,
        exposeHeadRoute: false,
        handler: async ({ raw, body }, reply) => {
          try {
            const question = readQuestion(raw, targetOf(raw), body as Uint8Array | undefined)
            const caller = callerOf(raw, timeoutHeader)
            await oneTurnIfNew(raw)
            return await sendAnswer(reply, await decider.decide(question, caller))
          } catch (thrown) {
            if (!(thrown instanceof AuthzError)) throw thrown
            if (isMalformed(thrown)) events.questionRefused(Protocol.http, thrown)
            return await sendFault(reply, thrown)
          }
        },
      })
    }
  })
}

function sendAnswer(reply: FastifyReply, { id, status, result, headersToRemove }: Answer) {
  if (result.allowed) addHeaders(reply, Object.entries(joinedHeaders(result.headers)))
  else addHeaders(reply, result.headers)
  addHeaders(reply, result.responseHeaders)
  if (headersToRemove.length > 0) reply.header(REMOVE_HEADER, headersToRemove.join(', '))
  reply.header(ID_HEADER, id).header(REASON_HEADER, printable(result.reason))
  return reply.code(status).send(result.body ?? '')
}

function addHeaders(reply: FastifyReply, changes: readonly HeaderChange[]): void {
  for (const [name, values] of groupHeaders(changes)) {
    const sent = values.map(asBytes)
    // In the framework's object of headers this one would be the prototype.
    if (name === '__proto__') reply.raw.setHeader(name, sent)
    else reply.header(name, sent.length === 1 ? sent[0] : sent)
  }
}

/** Never a status that a gateway takes for a decision. */
function sendFault(reply: FastifyReply, fault: AuthzError) {
  const { code, message, decisionId } = fault
  if (decisionId !== undefined) reply.header(ID_HEADER, decisionId)
  if (code === AuthzErrorCode.overloaded) reply.header('retry-after', RETRY_AFTER_S)
  reply.header(REASON_HEADER, code)
  return reply.code(FAULT_STATUS[code]).send(errorBody(code, message))
}

/** Node writes headers as Latin-1: whatever is not in ASCII goes out as the bytes of its UTF-8. */
function asBytes(value: string): string {
  return Buffer.from(value, 'utf8').toString('latin1')
}

/** What a header can carry. */
function printable(text: string): string {
  return text.slice(0, REASON_CHARS_MAX).replaceAll(/[^\x20-\x7e]/g, '?')
}
