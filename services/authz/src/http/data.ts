import { Protocol } from '@verdict/contract'
import type { FastifyInstance, FastifyReply } from '@verdict/service'
import { groupHeaders } from '../answer-headers.ts'
import type { Answer, Decider } from '../decide.ts'
import { AuthzError, AuthzErrorCode, isMalformed, type QuestionEvents } from '../errors.ts'
import { FAULT_STATUS } from '../fault.ts'
import { ID_HEADER } from '../own-headers.ts'
import { callerOf, oneTurnIfNew } from './caller.ts'
import { RETRY_AFTER_S } from './check.ts'
import { type PluginGateway, readPluginQuestion } from './plugin-input.ts'

/** Where the OPA plugins of Kong and APISIX ask; the rule's path stands behind it. */
export const DATA_PATH = '/v1/data'

export interface DataRouteOptions {
  readonly events: QuestionEvents
  /** How long the gateway waits, in ms. Default: none. */
  readonly timeoutHeader?: string | undefined
}

/**
 * Adds `POST /v1/data/<rule>` for the OPA plugins of Kong and APISIX, and for them alone: a
 * question is about an HTTP request, it is decided as over any other protocol, and the answer is
 * 200 with a `result` in the form of the gateway that asked. A fault has no `result` and is no 200.
 */
export async function addDataRoute(
  http: FastifyInstance,
  decider: Pick<Decider, 'decide'>,
  { events, timeoutHeader }: DataRouteOptions,
): Promise<void> {
  await http.register(async (scope) => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => {
      done(null, body)
    })
    scope.post<{ Params: { '*': string } }>(`${DATA_PATH}/*`, async (request, reply) => {
      try {
        const body = request.body as Uint8Array | undefined
        const { gateway, request: question } = readPluginQuestion(body)
        const asked = { ...question, entrypoint: request.params['*'] }
        const caller = callerOf(request.raw, timeoutHeader)
        await oneTurnIfNew(request.raw)
        const answer = await decider.decide(asked, caller)
        return await reply.send({ decision_id: answer.id, result: resultFor(gateway, answer) })
      } catch (thrown) {
        if (!(thrown instanceof AuthzError)) throw thrown
        if (isMalformed(thrown)) events.questionRefused(Protocol.http, thrown)
        return await sendFault(reply, thrown)
      }
    })
  })
}

/** Kong sends `message` to the client, APISIX sends `reason`. */
function resultFor(gateway: PluginGateway, answer: Answer): object {
  const { allowed, body, reason } = answer.result
  const headers = resultHeaders(answer)
  if (allowed) return { allow: true, headers }
  return gateway === 'kong'
    ? {
        allow: false,
        status: answer.status,
        headers,
        ...(body === undefined ? {} : { message: body }),
      }
    : { allow: false, status_code: answer.status, headers, reason: body ?? reason }
}

/**
 * Allowed: set on the request; denied: set on the response. The plugins can't remove a header, so
 * that what must not reach the upstream is overwritten by nothing.
 */
function resultHeaders({ id, result, headersToRemove }: Answer): object {
  const headers = new Map<string, string | readonly string[]>()
  for (const name of headersToRemove) headers.set(name.toLowerCase(), '')
  for (const [name, values] of groupHeaders(result.headers)) {
    headers.set(name, values.length === 1 ? (values[0] ?? '') : values)
  }
  headers.set(ID_HEADER, id)
  return Object.fromEntries(headers)
}

/** In OPA's form: `code` and `message`, and never a `result`. */
function sendFault(reply: FastifyReply, { code, message, decisionId }: AuthzError) {
  if (decisionId !== undefined) reply.header(ID_HEADER, decisionId)
  if (code === AuthzErrorCode.overloaded) reply.header('retry-after', RETRY_AFTER_S)
  return reply.code(FAULT_STATUS[code]).send({ code, message })
}
