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
    publish: [wildcards.journal, streamInfo()],
    subscribe: [inbox('authz-record')],
  },
  audit: {
    publish: [wildcards.decided, 'verdict.heartbeat.audit.*', ...reading(CONSUMERS.audit)],
    subscribe: [inbox('audit')],
  },
  telemetry: {
    publish: ['verdict.heartbeat.telemetry.*', ...reading(CONSUMERS.telemetry)],
    subscribe: [wildcards.heartbeat, inbox('telemetry')],
  },
  /** The command line: asks, follows, looks, and changes nothing. */
  operator: {
    publish: [subjects.check, streamInfo(), ...Object.values(CONSUMERS).map(consumerInfo)],
    subscribe: [wildcards.decided, wildcards.heartbeat, inbox('operator')],
  },
  /** A caller that asks for decisions over NATS. */
  client: { publish: [subjects.check], subscribe: [inbox('client')] },
  /** Reads decisions and nothing else. */
  subscriber: { publish: [], subscribe: [wildcards.decided, inbox('subscriber')] },
  /** Declares streams and consumers; only the set-up uses it, no service has its key. */
  provisioner: { publish: ['$JS.API.>'], subscribe: [inbox('provisioner')] },
}

function inbox(role: Role): string {
  return `${inboxPrefix(role)}.>`
}

function replies(role: Role): string {
  return inbox(role)
}

function streamInfo(): string {
  return `$JS.API.STREAM.INFO.${DECISIONS.name}`
}

function consumerInfo(consumer: ConsumerName): string {
  return `$JS.API.CONSUMER.INFO.${DECISIONS.name}.${consumer}`
}

function reading(consumer: ConsumerName): string[] {
  return [
    streamInfo(),
    consumerInfo(consumer),
    `$JS.API.CONSUMER.MSG.NEXT.${DECISIONS.name}.${consumer}`,
    `$JS.ACK.${DECISIONS.name}.${consumer}.>`,
  ]
}
