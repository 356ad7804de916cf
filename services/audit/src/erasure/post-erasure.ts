import {
  type FastifyInstance,
  type FastifyRequest,
  HttpError,
  HttpErrorCode,
} from '@verdict/service'
import { describe, type Operation } from '../openapi/operation.ts'
import { object } from '../openapi/schema.ts'
import type { Erasures } from './erasure.ts'

/** A subject is no longer than a text of a record. */
export const SUBJECT_CHARS_MAX = 3072
/** The reason goes into the log: a longer one is refused. */
export const REASON_CHARS_MAX = 500

const text = { type: 'string' } as const

const operation: Operation = {
  summary: 'Erase a subject',
  description:
    'Destroys the keys that the personal fields of a subject are encrypted under, for all records ' +
    'until now. It can not be taken back, and the log says that it was done.',
  body: object(
    {
      subject: { ...text, maxLength: SUBJECT_CHARS_MAX, description: 'as records name it' },
      reason: { ...text, maxLength: REASON_CHARS_MAX, description: 'goes into the log' },
    },
    ...['subject', 'reason'],
  ),
  answers: {
    200: {
      description: 'the keys are destroyed, and the leaf that says so is in the log',
      schema: object({
        at: { ...text, format: 'date-time' },
        origin: { ...text, description: 'the shard of the log that says so' },
        leaf: { type: 'integer', description: 'the index of the leaf in it' },
        keys: object({ count: { type: 'integer' }, sha256: text }),
        pseudonyms: { type: 'array', items: text },
        reason: text,
      }),
    },
  },
}

export interface PostErasureOptions {
  readonly erasures: Erasures
  /** The decision that let a request through. */
  readonly decisionOf: (request: FastifyRequest) => string | undefined
}

/** `POST /v1/erasures`: destroys the keys of a subject, and says so in the log. */
export function addPostErasure(
  http: FastifyInstance,
  { erasures, decisionOf }: PostErasureOptions,
): void {
  http.post('/v1/erasures', describe(operation), async (request) => {
    const { reason, subject } = Object(request.body) as { reason?: unknown; subject?: unknown }
    const decision = decisionOf(request)
    return erasures.erase(readText('subject', subject, SUBJECT_CHARS_MAX), {
      atMs: Date.now(),
      reason: readText('reason', reason, REASON_CHARS_MAX),
      ...(decision === undefined ? undefined : { decision }),
    })
  })
}

function readText(name: string, given: unknown, charsMax: number): string {
  if (typeof given === 'string' && given.trim() !== '' && given.length <= charsMax) {
    return given.toWellFormed()
  }
  const message = `\`${name}\` is needed: a text of at most ${charsMax} characters`
  throw new HttpError(HttpErrorCode.badRequest, message)
}
