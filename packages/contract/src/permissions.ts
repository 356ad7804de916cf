import { CONSUMERS, type ConsumerName, DECISIONS } from './streams.ts'
import { subjects, wildcards } from './subjects.ts'

/** Who may connect. Each role has its own nkey, and a decision point has two. */
export const ROLES = [
  'authn',
  'authz-serve',
  'authz-record',
  'audit',
  'telemetry',
  'operator',
  'client',
  'subscriber',
  'provisioner',
] as const
export type Role = (typeof ROLES)[number]

export interface Permissions {
  readonly publish: readonly string[]
  readonly subscribe: readonly string[]
}

/**
 * JetStream answers to whatever reply subject a request names, past the permissions of who asked:
 * in one account with the stream, every reader could have it store such an answer. So the stream
 * is in an account of those who write or declare it; the others reach it through imports.
 */
export const RECORD_ROLES: readonly Role[] = ['authz-record', 'provisioner']

/** Where a role finds JetStream's management: `$JS.API` would ask about an account of its own. */
export function streamApi(role: Role): string {
  return RECORD_ROLES.includes(role) ? '$JS.API' : 'verdict.record'
}

/** The prefix of a role's reply subjects: nobody else may listen there. */
export function inboxPrefix(role: Role): string {
  return `_INBOX.${role}`
}

/** What each role may do; everything else is refused by the server. */
export const PERMISSIONS: Readonly<Record<Role, Permissions>> = {
  authn: {
    publish: [replies('authz-serve'), 'verdict.heartbeat.authn.*'],
    subscribe: [subjects.identify, inbox('authn')],
  },
  'authz-serve': {
    publish: [
      subjects.identify,
      replies('operator'),
      replies('client'),
      'verdict.heartbeat.authz.*',
    ],
    subscribe: [subjects.check, inbox('authz-serve')],
  },
  'authz-record': {
    publish: [wildcards.journal, streamInfo('authz-record')],
    subscribe: [inbox('authz-record')],
  },
  audit: {
    publish: [wildcards.decided, 'verdict.heartbeat.audit.*', ...reading('audit', CONSUMERS.audit)],
    subscribe: [inbox('audit')],
  },
  telemetry: {
    publish: ['verdict.heartbeat.telemetry.*', ...reading('telemetry', CONSUMERS.telemetry)],
    subscribe: [wildcards.heartbeat, inbox('telemetry')],
  },
  /** The command line: asks, follows, looks, and changes nothing. */
  operator: {
    publish: [
      subjects.check,
      streamInfo('operator'),
      ...Object.values(CONSUMERS).map((consumer) => consumerInfo('operator', consumer)),
    ],
    subscribe: [wildcards.decided, wildcards.heartbeat, inbox('operator')],
  },
  /** A caller that asks for decisions over NATS. */
  client: { publish: [subjects.check], subscribe: [inbox('client')] },
  /** Reads decisions and nothing else. */
  subscriber: { publish: [], subscribe: [wildcards.decided, inbox('subscriber')] },
  /** Declares streams and consumers; only the set-up uses it, no service has its key. */
  provisioner: { publish: [`${streamApi('provisioner')}.>`], subscribe: [inbox('provisioner')] },
}

function inbox(role: Role): string {
  return `${inboxPrefix(role)}.>`
}

function replies(role: Role): string {
  return inbox(role)
}

function streamInfo(role: Role): string {
  return `${streamApi(role)}.STREAM.INFO.${DECISIONS.name}`
}

function consumerInfo(role: Role, consumer: ConsumerName): string {
  return `${streamApi(role)}.CONSUMER.INFO.${DECISIONS.name}.${consumer}`
}

function reading(role: Role, consumer: ConsumerName): string[] {
  return [
    streamInfo(role),
    consumerInfo(role, consumer),
    `${streamApi(role)}.CONSUMER.MSG.NEXT.${DECISIONS.name}.${consumer}`,
    `$JS.ACK.${DECISIONS.name}.${consumer}.>`,
  ]
}
