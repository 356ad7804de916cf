import { isIPv4, isIPv6 } from 'node:net'
import type { Outcome } from '@verdict/contract'
import { destinationName, type LoggedDecision } from './logged-decision.ts'
import { readable } from './readable-record.ts'

/** Of 0 to 10. */
const SEVERITIES: Readonly<Record<Outcome, number>> = {
  allow: 1,
  deny: 5,
  unauthenticated: 5,
  error: 7,
}
/** What the fields of CEF hold at most; a longer text is cut. */
const TEXT_CHARS_MAX = 1_023
const VERSION = '1'

/**
 * A decision as a line of the Common Event Format, version 0, without its end: keys of the format's
 * dictionary, and `cs1`–`cs6`, `cn1`, `cn2` with labels for what it has none for. An address that
 * is masked or encrypted is none: it is `cs5`.
 */
export function toCef(decision: LoggedDecision): string {
  const { hash, index, record } = readable(decision)
  const { identity, policy, request, source } = record
  const { address = '' } = source
  const head = ['CEF:0', 'Verdict', 'Verdict', VERSION, record.outcome, `request ${record.outcome}`]
  const fields: Readonly<Record<string, unknown>> = {
    rt: Date.parse(record.time),
    externalId: record.id,
    act: record.enforced === false ? 'logged' : record.outcome,
    outcome: record.outcome,
    reason: record.reason,
    suser: record.principal,
    suid: identity.subject,
    src: isIPv4(address) ? address : undefined,
    c6a2Label: 'Source IPv6 Address',
    c6a2: isIPv6(address) ? address : undefined,
    sourceServiceName: identity.workload ?? source.principal,
    dhost: request.host,
    destinationServiceName: destinationName(record),
    app: record.protocol,
    requestMethod: request.method,
    request: request.path,
    cs1Label: 'policy',
    cs1: [policy.bundle, policy.entrypoint].filter((text) => text !== undefined).join(' '),
    cs2Label: 'policyRevision',
    cs2: policy.revision,
    cs3Label: 'traceId',
    cs3: request.traceId,
    cs4Label: 'chainHash',
    cs4: hash,
    cs5Label: 'sourceAddress',
    cs5: isIPv4(address) || isIPv6(address) ? undefined : address,
    cs6Label: 'pseudonym',
    cs6: record.pseudonym,
    cn1Label: 'index',
    cn1: index,
    cn2Label: 'status',
    cn2: record.status,
    deviceExternalId: record.instance,
  }
  const extension = Object.entries(fields)
    .filter(([name, value]) => isGiven(value) && isGiven(valueOfLabel(fields, name)))
    .map(([name, value]) => `${name}=${extensionText(textOf(value))}`)
  return `${[...head.map(headText), SEVERITIES[record.outcome]].join('|')}|${extension.join(' ')}`
}

/** Of `cs1Label` the value is `cs1`; every other field is its own. */
function valueOfLabel(fields: Readonly<Record<string, unknown>>, name: string): unknown {
  return fields[name.endsWith('Label') ? name.slice(0, -'Label'.length) : name]
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== ''
}

function textOf(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return text.length > TEXT_CHARS_MAX ? `${text.slice(0, TEXT_CHARS_MAX - 1)}…` : text
}

/** In the head `|` ends a field; a line end ends all. */
function headText(text: string): string {
  return text.replace(/[\\|]/g, '\\$&').replace(LINE_ENDS, ' ')
}

function extensionText(text: string): string {
  return text
    .replace(/[\\=]/g, '\\$&')
    .replace(/\r\n?|\n/g, '\\n')
    .replace(LINE_ENDS, ' ')
}

/** Whatever some reader takes for the end of a line, or for a command of its terminal. */
const LINE_ENDS = /[\p{Cc}\u2028\u2029]/gu
