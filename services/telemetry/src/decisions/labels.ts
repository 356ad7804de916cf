import { type DecisionRecord, type JournalRecord, Outcome, parseSpiffeId } from '@verdict/contract'
import type { DecisionLabels } from './series.ts'

/** The source of a request whose workload nobody told. */
const NO_WORKLOAD = '-'

/**
 * Who asked for what, and why it came out so. The source is the workload that sent the request,
 * `namespace/service-account` where its SPIFFE ID has Istio's form; users are no label, because
 * there is no end of them.
 */
export function labelsOf({ destination, identity, reason }: DecisionRecord): DecisionLabels {
  return {
    reason,
    source: identity.workload === undefined ? NO_WORKLOAD : workloadName(identity.workload),
    destination: destination.namespace
      ? `${destination.namespace}/${destination.service}`
      : destination.service,
  }
}

/** Whether a record has what the metrics are made of. */
export function isCountable(record: JournalRecord): record is DecisionRecord {
  const { destination, durationUs, identity, outcome, reason }: Partial<DecisionRecord> = record
  return (
    Object.values<unknown>(Outcome).includes(outcome) &&
    typeof reason === 'string' &&
    typeof destination?.service === 'string' &&
    isTextOrAbsent(destination.namespace) &&
    isObject(identity) &&
    isTextOrAbsent(identity.workload) &&
    Number.isFinite(durationUs)
  )
}

function isTextOrAbsent(value: unknown): boolean {
  return value === undefined || typeof value === 'string'
}

function isObject<T>(value: T): value is NonNullable<T> {
  return typeof value === 'object' && value !== null
}

function workloadName(id: string): string {
  const { namespace, serviceAccount } = parseSpiffeId(id) ?? {}
  return namespace && serviceAccount ? `${namespace}/${serviceAccount}` : id
}
