import { isIP } from 'node:net'
import type { Outcome } from '@verdict/contract'
import { destinationName, type LoggedDecision, present } from './logged-decision.ts'
import { readable } from './readable-record.ts'

/** The version of the Elastic Common Schema that the documents are of. */
export const ECS_VERSION = '8.17.0'

const NS_PER_US = 1_000
const TYPES: Readonly<Record<Outcome, readonly string[]>> = {
  allow: ['access', 'allowed'],
  deny: ['access', 'denied'],
  unauthenticated: ['access', 'denied'],
  error: ['access', 'error'],
}

/** A decision as a document of the Elastic Common Schema; what it has no field for is in `verdict`. */
export function toEcs(decision: LoggedDecision): Record<string, unknown> {
  const { hash, index, leaf, opened, origin, record } = readable(decision)
  const { destination, identity, policy, request, source } = record
  return present({
    '@timestamp': record.time,
    ecs: { version: ECS_VERSION },
    message: `${record.outcome}: ${record.principal} ${request.method} ${destinationName(record)} ${request.path}`,
    event: {
      action: request.method.toLowerCase(),
      category: ['api'],
      code: String(record.status),
      dataset: 'verdict.decisions',
      duration: record.durationUs * NS_PER_US,
      id: record.id,
      kind: 'event',
      module: 'verdict',
      // A fault of ours is neither: nothing was decided.
      outcome: OUTCOMES[record.outcome],
      provider: record.instance,
      reason: record.reason,
      sequence: index,
      type: TYPES[record.outcome],
    },
    destination: { address: destination.address },
    http: {
      request: { id: request.id, method: request.method },
      response: { status_code: record.status },
    },
    rule: {
      name: policy.rules?.[0],
      ruleset: policy.bundle,
      uuid: policy.entrypoint,
      version: policy.revision,
    },
    service: {
      name: destination.service,
      ...(destination.namespace && { namespace: destination.namespace }),
    },
    source: {
      address: source.address,
      // Masked or encrypted it is no address, and Elasticsearch would refuse the document.
      ip: isIP(source.address ?? '') === 0 ? undefined : source.address,
    },
    trace: { id: request.traceId },
    url: { domain: request.host, path: request.path, scheme: request.scheme },
    user: { domain: identity.issuer, id: identity.subject, name: record.principal },
    verdict: {
      ambiguities: record.ambiguities,
      chain_hash: hash,
      enforced: record.enforced ?? true,
      epoch: record.epoch,
      erased: record.erased,
      identity_status: identity.status,
      leaf,
      masked: record.masked,
      n: record.n,
      opened,
      origin,
      outcome: record.outcome,
      protocol: record.protocol,
      pseudonym: record.pseudonym,
      rules: policy.rules,
      workload: identity.workload ?? source.principal,
    },
  })
}

const OUTCOMES: Readonly<Record<Outcome, 'success' | 'failure' | 'unknown'>> = {
  allow: 'success',
  deny: 'failure',
  unauthenticated: 'failure',
  error: 'unknown',
}
