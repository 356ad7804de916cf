import { isIP } from 'node:net'
import type { DecisionRecord, Outcome } from '@verdict/contract'
import { destinationName, isLetThrough, type LoggedDecision, present } from './logged-decision.ts'
import { readable } from './readable-record.ts'

/** The version of the schema that the events are of: https://schema.ocsf.io/1.8.0. */
export const OCSF_VERSION = '1.8.0'

/** API Activity, of the category Application Activity: what comes nearest to an authorization. */
const CATEGORY_UID = 6
const CLASS_UID = 6003
const TYPES_PER_CLASS = 100

const ACTIVITIES: Readonly<Record<string, number>> = {
  POST: 1,
  GET: 2,
  HEAD: 2,
  OPTIONS: 2,
  PUT: 3,
  PATCH: 3,
  DELETE: 4,
}
const ACTIVITY_OTHER = 99
/** Those that the schema knows; another one is in the operation. */
const METHODS = new Set([...Object.keys(ACTIVITIES), 'TRACE', 'CONNECT'])
const ACTIVITY_NAMES: Readonly<Record<number, string>> = {
  1: 'Create',
  2: 'Read',
  3: 'Update',
  4: 'Delete',
}

const ACTION = { allowed: 1, denied: 2, observed: 3 } as const
const ACTION_NAMES = { 1: 'Allowed', 2: 'Denied', 3: 'Observed' } as const
const LOGGED = { id: 17, name: 'Logged' }
const SEVERITY_NAMES: Readonly<Record<number, string>> = {
  1: 'Informational',
  2: 'Low',
  3: 'Medium',
}

/** By outcome: what became of the request, and how much it matters. */
const DISPOSITIONS: Readonly<
  Record<Outcome, { readonly id: number; readonly name: string; readonly severity: number }>
> = {
  allow: { id: 1, name: 'Allowed', severity: 1 },
  deny: { id: 2, name: 'Blocked', severity: 2 },
  unauthenticated: { id: 26, name: 'Unauthorized', severity: 2 },
  error: { id: 27, name: 'Error', severity: 3 },
}

/**
 * A decision as an event of OCSF: API Activity with the profiles `security_control` and `trace`.
 * What the schema has no place for is in `unmapped`, also an address that is masked or encrypted.
 */
export function toOcsf(decision: LoggedDecision): Record<string, unknown> {
  const { hash, index, leaf, opened, origin, record } = readable(decision)
  const { destination, identity, policy, request, source } = record
  const activityId = Object.hasOwn(ACTIVITIES, request.method)
    ? (ACTIVITIES[request.method] ?? ACTIVITY_OTHER)
    : ACTIVITY_OTHER
  const isAddress = isIP(source.address ?? '') !== 0
  const { severity } = DISPOSITIONS[record.outcome]
  const user = identity.subject === undefined ? undefined : { uid: identity.subject }
  return present({
    activity_id: activityId,
    activity_name: ACTIVITY_NAMES[activityId] ?? request.method,
    category_name: 'Application Activity',
    category_uid: CATEGORY_UID,
    class_name: 'API Activity',
    class_uid: CLASS_UID,
    type_uid: CLASS_UID * TYPES_PER_CLASS + activityId,
    severity: SEVERITY_NAMES[severity],
    severity_id: severity,
    status: record.outcome === 'allow' ? 'Success' : 'Failure',
    status_id: record.outcome === 'allow' ? 1 : 2,
    status_code: String(record.status),
    status_detail: record.reason,
    time: Date.parse(record.time),
    ...control(record),
    metadata: {
      version: OCSF_VERSION,
      profiles: ['security_control', 'trace'],
      product: { name: 'Verdict', vendor_name: 'Verdict', feature: { name: 'authz' } },
      log_name: 'decisions',
      sequence: index,
      uid: record.id,
    },
    actor: {
      // An actor has a user or an application at least: who calls without a name is nobody.
      app_uid: identity.workload ?? source.principal,
      authorizations: [
        present({
          decision: record.outcome,
          policy: policyOf(record),
        }),
      ],
      idp: { name: identity.issuer },
      user: user ?? { uid: record.principal },
    },
    api: {
      operation: `${request.method} ${request.path}`,
      request: { uid: request.id },
      service: { name: destinationName(record) },
    },
    http_request: {
      http_method: METHODS.has(request.method) ? request.method : undefined,
      uid: request.id,
      url: { hostname: request.host, path: request.path, scheme: request.scheme },
    },
    http_response: { code: record.status },
    src_endpoint: {
      ip: isAddress ? source.address : undefined,
      svc_name: source.principal ?? 'unknown',
    },
    dst_endpoint: { svc_name: destinationName(record), uid: destination.principal },
    trace: { uid: request.traceId },
    unmapped: {
      ambiguities: record.ambiguities,
      chain_hash: hash,
      duration_us: record.durationUs,
      epoch: record.epoch,
      erased: record.erased,
      identity_status: identity.status,
      instance: record.instance,
      leaf,
      masked: record.masked,
      n: record.n,
      opened,
      origin,
      protocol: record.protocol,
      pseudonym: record.pseudonym,
      rules: policy.rules,
      source_address: isAddress ? undefined : source.address,
    },
  })
}

/** A policy has a name at least: where none was asked, there is none to tell of. */
function policyOf({ enforced, policy }: DecisionRecord): object | undefined {
  const { bundle, entrypoint, revision } = policy
  if (bundle === undefined && entrypoint === undefined) return undefined
  return { is_applied: enforced !== false, name: entrypoint, uid: bundle, version: revision }
}

/** The profile `security_control`. */
function control(record: DecisionRecord): object {
  const held = record.enforced !== false
  const { id, name } = held ? DISPOSITIONS[record.outcome] : LOGGED
  const actionId = held ? (isLetThrough(record) ? ACTION.allowed : ACTION.denied) : ACTION.observed
  return {
    action: ACTION_NAMES[actionId],
    action_id: actionId,
    disposition: name,
    disposition_id: id,
    is_alert: false,
  }
}
