import { type DecisionRecord, keyIdOf } from '@verdict/contract'

/**
 * What else is known of a decision and can be asked for, as it is in the columns of the table. None
 * of these has an index of its own: they narrow what another one, or the time, has found. A trace
 * has one by a short tag: its ids are random, and an index by them would change a page of its own
 * for each record.
 */
export interface Facts {
  readonly workload?: string
  readonly issuer?: string
  readonly method?: string
  readonly namespace?: string
  readonly source?: string
  readonly protocol?: string
  readonly bundle?: string
  readonly revision?: string
  readonly entrypoint?: string
  readonly reason?: string
  readonly trace?: string
  readonly request?: string
}

/** The label of a rule is found in the line of all, between these. */
export const RULE_MARK = '\n'
/** Few enough for their pages to stay in memory: of so many rows one is looked at. */
const TAGS = 128

export const FACT_COLUMNS = [
  ...['workload', 'issuer', 'method', 'source', 'protocol', 'bundle', 'revision', 'entrypoint'],
  ...['rules', 'reason', 'request', 'trace', 'trace_tag'],
] as const

/** The values of FACT_COLUMNS; what a record lacks, or has sealed, is null. */
export function factValues(record: DecisionRecord): (string | number | null)[] {
  // Whoever may publish may leave out what nothing else relies on.
  const { identity, policy, request, source }: Partial<DecisionRecord> = record
  const trace = textOf(request.traceId)
  return [
    ...[textOf(identity?.workload), textOf(identity?.issuer)],
    ...[textOf(request.method), textOf(source?.address), textOf(record.protocol)],
    ...[textOf(policy?.bundle), textOf(policy?.revision), textOf(policy?.entrypoint)],
    ...[rulesOf(policy?.rules), textOf(record.reason), textOf(request.id)],
    ...[trace, trace && tagOf(trace)],
  ]
}

/** The same for the same text, and otherwise most often not. */
export function tagOf(text: string): number {
  let tag = 0
  for (let at = 0; at < text.length; at++) tag = (Math.imul(tag, 31) + text.charCodeAt(at)) | 0
  return (tag >>> 0) % TAGS
}

/** What the principal is called in the index: never what is encrypted, which differs each time. */
export function indexedPrincipal({ principal, pseudonym }: DecisionRecord): string {
  return typeof pseudonym === 'string' && isSealed(principal) ? pseudonym : principal
}

/** Whether a text is encrypted under the key of a subject. */
function isSealed(text: string): boolean {
  return text.startsWith('enc:') && keyIdOf(text) !== undefined
}

function rulesOf(rules: unknown): string | null {
  const labels = Array.isArray(rules) ? rules.filter((label) => typeof label === 'string') : []
  return labels.length === 0 ? null : `${RULE_MARK}${labels.join(RULE_MARK)}${RULE_MARK}`
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' && value !== '' && !isSealed(value) ? value : null
}
