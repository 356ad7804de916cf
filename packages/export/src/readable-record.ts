import type { DecisionRecord } from '@verdict/contract'
import type { LoggedDecision } from './logged-decision.ts'

/** In the place of a text that every record should have, and this one has not. */
const MISSING = 'unknown'

const TEXTS = {
  destination: ['address', 'namespace', 'principal', 'service'],
  identity: ['issuer', 'reason', 'status', 'subject', 'workload'],
  policy: ['bundle', 'entrypoint', 'input', 'revision'],
  request: ['host', 'id', 'method', 'path', 'scheme', 'traceId'],
  source: ['address', 'principal'],
} as const

/**
 * A decision whose fields have the types that they should have. The log relies on few of them, and
 * takes a record with the others missing or of another type, as whoever may publish can write it:
 * such a one must not stop an export.
 */
export function readable(decision: LoggedDecision): LoggedDecision {
  const { record } = decision
  const group = (name: keyof typeof TEXTS): Record<string, string> => textsIn(record[name], name)
  const rules = textList(fieldOf(record.policy, 'rules'))
  const made = {
    ...record,
    ambiguities: textList(record.ambiguities),
    destination: { service: MISSING, ...group('destination') },
    durationUs: wholeNumber(record.durationUs),
    erased: textList(record.erased),
    identity: { status: MISSING, ...group('identity') },
    masked: textList(record.masked),
    policy: { ...group('policy'), ...(rules && { rules }) },
    protocol: textOf(record.protocol) ?? MISSING,
    pseudonym: textOf(record.pseudonym),
    reason: textOf(record.reason) ?? MISSING,
    request: { host: MISSING, method: MISSING, path: MISSING, ...group('request') },
    source: group('source'),
    status: wholeNumber(record.status),
  }
  return { ...decision, record: made as unknown as DecisionRecord }
}

function textsIn(group: unknown, name: keyof typeof TEXTS): Record<string, string> {
  const texts: Record<string, string> = {}
  for (const field of TEXTS[name]) {
    const text = textOf(fieldOf(group, field))
    if (text !== undefined) texts[field] = text
  }
  return texts
}

function fieldOf(group: unknown, field: string): unknown {
  return typeof group === 'object' && group !== null ? Reflect.get(group, field) : undefined
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function textList(value: unknown): string[] | undefined {
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : undefined
}

function wholeNumber(value: unknown): number {
  return Number.isSafeInteger(value) ? Number(value) : 0
}
