import { type CheckAnswer, type CheckQuery, Protocol } from '@verdict/contract'
import { joinedHeaders } from '../answer-headers.ts'
import type { Decider } from '../decide.ts'
import { AuthzError, AuthzErrorCode, isMalformed, type QuestionEvents } from '../errors.ts'
import {
  type Attributes,
  type Caller,
  type DecisionRequest,
  type Peer,
  timestamp,
} from '../request.ts'

/** Answers a CheckQuery with a CheckAnswer, both as JSON. */
export function checkQueryHandler(
  decider: Pick<Decider, 'decide'>,
  events: QuestionEvents,
): (payload: Uint8Array) => Promise<Uint8Array> {
  return async (payload) => Buffer.from(JSON.stringify(await answer(decider, events, payload)))
}

async function answer(
  decider: Pick<Decider, 'decide'>,
  events: QuestionEvents,
  payload: Uint8Array,
): Promise<CheckAnswer> {
  try {
    const query = parseQuery(payload)
    const decided = await decider.decide(requestOf(query), callerOf(query))
    const { id, enforced, outcome, status, result } = decided
    return {
      id,
      outcome,
      reason: result.reason,
      status,
      headers: joinedHeaders(result.headers),
      ...(result.body === undefined ? undefined : { body: result.body }),
      ...(enforced === undefined ? undefined : { enforced }),
    }
  } catch (thrown) {
    if (!(thrown instanceof AuthzError)) throw thrown
    if (isMalformed(thrown)) events.questionRefused(Protocol.nats, thrown)
    return { error: { code: thrown.code, message: thrown.message } }
  }
}

function requestOf(query: CheckQuery): DecisionRequest {
  return {
    protocol: Protocol.nats,
    attributes: attributesOf(query),
    receivedMs: performance.now(),
    verdictIsStatus: false,
  }
}

/** Whether somebody waits is not to be seen over NATS; how long, the question may tell. */
function callerOf({ timeoutMs }: CheckQuery): Caller {
  return {
    gone: false,
    deadlineMs: timeoutMs === undefined ? undefined : performance.now() + timeoutMs,
  }
}

/** @throws {AuthzError} `question_malformed` */
function parseQuery(payload: Uint8Array): CheckQuery {
  let query: unknown
  try {
    query = JSON.parse(Buffer.from(payload).toString('utf8'))
  } catch (cause) {
    throw malformed('the query is no JSON', cause)
  }
  if (!isTexts(query, ['method', 'path'])) throw malformed('`method` and `path` must be texts')
  if (!isTexts(query, [], ['host', 'scheme'])) throw malformed('`host` and `scheme` are texts')
  const { timeoutMs } = query
  if (timeoutMs !== undefined && !(typeof timeoutMs === 'number' && timeoutMs > 0)) {
    throw malformed('`timeoutMs` must be a number of milliseconds')
  }
  for (const part of ['headers', 'source', 'destination'] as const) {
    const value = query[part]
    if (value === undefined) continue
    if (!isTexts(value, [], Object.keys(Object(value)))) {
      throw malformed(`\`${part}\` must be an object of texts`)
    }
  }
  return query as unknown as CheckQuery
}

function isTexts(
  value: unknown,
  required: readonly string[],
  optional: readonly string[] = [],
): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const fields = value as Record<string, unknown>
  const isText = (name: string): boolean => typeof fields[name] === 'string'
  return (
    required.every(isText) && optional.every((name) => fields[name] === undefined || isText(name))
  )
}

/** A namespace has its place in the context extensions, as it has for Envoy. */
function attributesOf(query: CheckQuery): Attributes {
  const { method, path, host, scheme, headers, source, destination } = query
  const { namespace, service } = destination ?? {}
  const lower = joinHeaders(headers ?? {})
  const id = lower['x-request-id']
  return {
    ...(source === undefined ? undefined : { source: peerOf(source) }),
    ...(destination === undefined ? undefined : { destination: peerOf(destination) }),
    request: {
      time: timestamp(),
      http: {
        ...(id === undefined ? undefined : { id }),
        method,
        headers: lower,
        path,
        ...(host === undefined ? undefined : { host }),
        ...(scheme === undefined ? undefined : { scheme }),
      },
    },
    ...(namespace === undefined
      ? undefined
      : { contextExtensions: { namespace, ...(service === undefined ? undefined : { service }) } }),
  }
}

/** Names that differ in their case are one header that came several times. */
function joinHeaders(
  headers: Readonly<Record<string, string>>,
): Readonly<Record<string, string | undefined>> {
  const joined = new Map<string, string>()
  for (const [name, value] of Object.entries(headers)) {
    const key = name.toLowerCase()
    const held = joined.get(key)
    const separator = key === 'cookie' ? '; ' : ','
    joined.set(key, held === undefined ? value : held + separator + value)
  }
  return Object.fromEntries(joined)
}

function peerOf({
  address,
  principal,
  service,
}: {
  readonly address?: string
  readonly principal?: string
  readonly service?: string
}): Peer {
  return {
    ...(address === undefined ? undefined : { address: { socketAddress: { address } } }),
    ...(principal === undefined ? undefined : { principal }),
    ...(service === undefined ? undefined : { service }),
  }
}

function malformed(message: string, cause?: unknown): AuthzError {
  return new AuthzError(AuthzErrorCode.questionMalformed, message, { cause })
}
