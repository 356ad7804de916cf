import { type Decision, newDecisionId } from '@verdict/contract'

/** A decision about the request of a subject. */
export function decisionAbout(subject: string, parts: Partial<Decision> = {}): Decision {
  return {
    destination: { service: 'shop' },
    durationUs: 1,
    id: newDecisionId(),
    identity: { status: 'verified', subject, issuer: 'https://issuer' },
    outcome: 'allow',
    policy: { entrypoint: 'p/allow', input: JSON.stringify({ subject }), revision: 'r' },
    principal: subject,
    protocol: 'http',
    reason: 'because',
    request: { host: 'shop', method: 'GET', path: '/orders/7' },
    source: { address: '10.0.0.1' },
    status: 200,
    time: '2026-01-01T00:00:00.000Z',
    ...parts,
  }
}
