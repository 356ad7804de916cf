import type { DecisionRecord } from '@verdict/contract'
import { printable } from '../terminal.ts'
import type { ProvenLeaf } from './verify-receipt.ts'

/** What a receipt proves, as JSON. */
export function receiptJson(proven: ProvenLeaf): object {
  const { checkpoint, index, kind, record, witnesses } = proven
  const { origin, size, root } = checkpoint
  return {
    verified: true,
    kind,
    ...(record && { record }),
    log: { origin, leaf: index, size, root: Buffer.from(root).toString('base64') },
    witnesses: witnesses.map(({ name, seconds }) => ({ name, time: timeOf(seconds) })),
  }
}

/** What a receipt proves, in lines for people. */
export function receiptRows(proven: ProvenLeaf): string[] {
  const { checkpoint, index, kind, record, witnesses } = proven
  const signed = witnesses.map(({ name, seconds }) => `${name} at ${timeOf(seconds)}`)
  return rows({
    ...(record ? decisionFacts(record) : { leaf: kind }),
    log: `${checkpoint.origin}, leaf ${index} of ${checkpoint.size}`,
    root: Buffer.from(checkpoint.root).toString('base64'),
    witnesses: signed.join(', ') || 'none: this rests on the key of the log alone',
    proves: 'the log held exactly this, at this place, when it signed its checkpoint',
  })
}

function decisionFacts(record: DecisionRecord): Record<string, string> {
  const { destination, identity, policy, request } = record
  const to = [destination.namespace, destination.service].filter(Boolean).join('/')
  const by = policy.revision && `revision ${policy.revision}`
  const known = [identity.status, identity.issuer].filter(Boolean).map(text).join(', ')
  const held = record.enforced === false ? ', not enforced' : ''
  return {
    decision: text(record.id),
    who: `${text(record.principal)} (${known})`,
    what: `${text(request.method)} ${text(request.path)} of ${text(to)}`,
    when: text(record.time),
    outcome: `${text(record.outcome)} (${text(record.reason)}), status ${record.status}${held}`,
    policy: [policy.bundle, policy.entrypoint, by].filter(Boolean).map(text).join(', ') || 'none',
    'decided by': `${text(record.instance)}, place ${record.n} of its journal ${record.epoch}`,
  }
}

function rows(facts: Record<string, string>): string[] {
  const width = Math.max(...Object.keys(facts).map(({ length }) => length))
  return Object.entries(facts).map(([name, fact]) => `${name.padEnd(width)}  ${printable(fact)}`)
}

/** A field may be sealed or masked, and then is no text. */
function text(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function timeOf(seconds: number): string {
  return new Date(seconds * 1000).toISOString()
}
