import { Outcome, Protocol } from '@verdict/contract'

/** A schema of OpenAPI 3.1, which is JSON Schema 2020-12. */
export type Schema = Readonly<Record<string, unknown>>

export function object(properties: Readonly<Record<string, Schema>>, ...required: string[]) {
  return { type: 'object', properties, required } satisfies Schema
}

export function list(items: Schema, description: string): Schema {
  return { type: 'array', items, description }
}

export function ref(name: keyof typeof SCHEMAS): Schema {
  return { $ref: `#/components/schemas/${name}` }
}

const text = { type: 'string' } as const
const count = { type: 'integer', minimum: 0 } as const
const time = { type: 'string', format: 'date-time' } as const
const cursor = {
  type: 'string',
  description: 'the `after` of the next page; absent where there is none',
} as const

const record = object(
  {
    id: { ...text, description: 'of the decision, a UUIDv7' },
    time,
    principal: { ...text, description: 'who: a subject, a SPIFFE ID or `anonymous`' },
    identity: object({ status: text, issuer: text, subject: text, workload: text, reason: text }),
    pseudonym: { ...text, description: 'of the subject, where fields are under its key' },
    erased: list(text, 'what the policy has taken out, as JSON pointers'),
    masked: list(text, 'what the policy has replaced'),
    outcome: { enum: Object.values(Outcome) },
    enforced: { const: false, description: 'a dry run: the caller was let through' },
    reason: text,
    status: { type: 'integer', description: 'the HTTP status that the caller was told' },
    request: object({ method: text, path: text, host: text, id: text, traceId: text }),
    destination: object({ service: text, namespace: text, principal: text, address: text }),
    source: object({ address: text, principal: text }),
    protocol: { enum: Object.values(Protocol) },
    policy: object({
      bundle: text,
      revision: text,
      entrypoint: text,
      rules: list(text, 'the labels of the rules that held'),
    }),
    instance: { ...text, description: 'of the decision point' },
    epoch: count,
    n: { ...count, description: 'its place in the journal of the decision point' },
    durationUs: count,
    v: { const: 1 },
  },
  ...['id', 'time', 'principal', 'outcome', 'reason', 'request', 'destination'],
  ...['instance', 'epoch', 'n', 'v'],
)

/** What the answers consist of. Records may have more fields than are told here. */
export const SCHEMAS = {
  Record: record,
  Decision: object(
    {
      index: { type: 'integer', minimum: 1, description: 'of the decision in the log' },
      hash: { ...text, description: 'the chain hash of its journal' },
      opened: list(text, 'the personal fields of the record that were decrypted for you'),
      record: { $ref: '#/components/schemas/Record' },
    },
    ...['index', 'hash', 'record'],
  ),
  Decisions: object(
    {
      decisions: list({ $ref: '#/components/schemas/Decision' }, 'newest in the log first'),
      next: cursor,
    },
    'decisions',
  ),
  Finding: object({ id: count, kind: text, detail: text, instance: text }, 'id', 'kind'),
  Findings: object(
    { findings: list({ $ref: '#/components/schemas/Finding' }, 'newest first'), next: cursor },
    'findings',
  ),
  Instance: object(
    {
      ...{ instance: text, epoch: count, last: count, lastHash: text, lastSeen: time },
      missing: { ...count, description: 'how many records of it are missing' },
      dropped: { ...count, description: 'decisions without a record, by its own word' },
      gaps: list(object({ from: count, to: count }), 'the first of the gaps'),
      findings: { type: 'object', description: 'how many are unresolved, by kind' },
    },
    ...['instance', 'epoch', 'last', 'missing'],
  ),
  Instances: object(
    { instances: list({ $ref: '#/components/schemas/Instance' }, 'newest first'), next: cursor },
    'instances',
  ),
  Error: object({ error: object({ code: text, message: text }, 'code', 'message') }, 'error'),
} as const satisfies Readonly<Record<string, Schema>>
