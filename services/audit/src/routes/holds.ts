import {
  type FastifyInstance,
  type FastifyRequest,
  HttpError,
  HttpErrorCode,
} from '@verdict/service'
import type { Guard } from '../authorization/guard.ts'
import { AuditError, AuditErrorCode } from '../errors.ts'
import { describe, type Operation } from '../openapi/operation.ts'
import { list, object, ref, type Schema } from '../openapi/schema.ts'
import {
  type Actor,
  HOLD_NAME,
  HOLD_REASON_CHARS_MAX,
  HOLD_TEXT_CHARS_MAX,
  type Hold,
} from '../retention/hold.ts'
import type { Store } from '../store.ts'
import { type Parameter, parameter, readParameter } from './parameters.ts'

const text = { type: 'string' } as const
const time = { type: 'string', format: 'date-time' } as const
const scope = { from: time, to: time, principal: text, service: text } as const
const asked: Schema = object({ name: text, reason: text, ...scope }, 'name', 'reason')
const placed = object(
  { name: text, reason: text, ...scope, at: time, decision: text, address: text },
  ...['name', 'reason', 'at'],
)

const holdName: Parameter<string> = {
  ...parameter.text('a name of letters, digits, `.`, `_` and `-`, 64 at most'),
  parse: (given) => (HOLD_NAME.test(given) ? given : undefined),
}
const reasonText = boundedText('why, in a text', HOLD_REASON_CHARS_MAX)
/** What a hold may consist of; `name` and `reason` are required. */
const FIELDS = {
  name: holdName,
  reason: reasonText,
  from: timeText(),
  to: timeText(),
  principal: boundedText('a principal', HOLD_TEXT_CHARS_MAX),
  service: boundedText('a service', HOLD_TEXT_CHARS_MAX),
} as const

const listing: Operation = {
  summary: 'The legal holds that are in force',
  answers: {
    200: { description: 'all', schema: object({ holds: list(placed, 'the oldest first') }) },
  },
}
const placing: Operation = {
  summary: 'Place a legal hold',
  description:
    'Shards in which a record of it may be are not pruned. It and its release are on the record.',
  body: asked,
  answers: { 201: { description: 'it is in force', schema: placed } },
}
const releasing: Operation = {
  summary: 'Release a legal hold',
  path: { name: holdName },
  query: { reason: reasonText },
  answers: {
    204: { description: 'it is not in force any more' },
    404: { description: 'there is none of this name', schema: ref('Error') },
  },
}

/** `GET /v1/holds`, `POST /v1/holds`, `DELETE /v1/holds/:name`. */
export function addHolds(
  http: FastifyInstance,
  { guard, store }: { guard: Pick<Guard, 'decisionOf'>; store: Store },
): void {
  const { retention } = store
  const actorOf = (request: FastifyRequest): Actor => {
    const decision = guard.decisionOf(request)
    return { address: request.ip, ...(decision === undefined ? {} : { decision }) }
  }

  http.get('/v1/holds', describe(listing), async () => ({ holds: retention.holds() }))

  http.post('/v1/holds', describe(placing), async (request, reply) => {
    const hold = readHold(request.body)
    reply.code(201)
    return refusable(() => retention.hold(hold, actorOf(request)))
  })

  http.delete<{ Params: { name: string }; Querystring: { reason?: string } }>(
    '/v1/holds/:name',
    describe(releasing),
    async (request, reply) => {
      const name = readParameter('name', holdName, request.params.name)
      const { reason } = request.query
      const said =
        reason === undefined ? {} : { reason: readParameter('reason', reasonText, reason) }
      const actor = actorOf(request)
      if (refusable(() => retention.release(name, { ...said, actor })))
        return reply.code(204).send()
      throw new HttpError(HttpErrorCode.notFound, `there is no hold \`${name}\``)
    },
  )
}

function readHold(body: unknown): Omit<Hold, 'at'> {
  const given = typeof body === 'object' && body !== null ? Object.entries(body) : []
  const values: Partial<Record<string, string>> = {}
  for (const [name, value] of given) {
    const field = Object.hasOwn(FIELDS, name) ? FIELDS[name as keyof typeof FIELDS] : undefined
    if (field === undefined) {
      const known = Object.keys(FIELDS).join(', ')
      throw refusal(`\`${name.slice(0, 100)}\` is no part of a hold: expected ${known}`)
    }
    if (typeof value !== 'string') throw refusal(`\`${name}\` is no text: expected ${field.form}`)
    values[name] = readParameter(name, field, value)
  }
  const { name, reason } = values
  if (name === undefined || reason === undefined) throw refusal('a hold needs a name and a reason')
  return { ...values, name, reason }
}

/** A refusal of the retention is told to the caller. */
function refusable<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof AuditError)) throw error
    if (error.code === AuditErrorCode.holdRefused) throw refusal(error.message)
    throw new HttpError(HttpErrorCode.unavailable, 'the log takes nothing in now: ask again')
  }
}

function boundedText(what: string, charsMax: number): Parameter<string> {
  return {
    ...parameter.text(`${what}, ${charsMax} characters at most`),
    parse: (given) => (given !== '' && given.length <= charsMax ? given : undefined),
  }
}

/** As text: what is on the record is what was said. */
function timeText(): Parameter<string> {
  const { form, parse } = parameter.time()
  return {
    ...parameter.text(form),
    parse: (given) => {
      const ms = parse(given)
      return ms === undefined ? undefined : new Date(ms).toISOString()
    },
  }
}

function refusal(message: string): HttpError {
  return new HttpError(HttpErrorCode.badRequest, message)
}
