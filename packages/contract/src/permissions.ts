import {
  ADVISORIES,
  CONSUMERS,
  type ConsumerName,
  DECIDED,
  DECISIONS,
  POLICY_BUNDLES,
  POLICY_DATA,
  POLICY_POINTERS,
  POLICY_STREAMS,
  type PolicyStream,
} from './streams.ts'
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
  'policy-publisher',
  'policy-data',
] as const
export type Role = (typeof ROLES)[number]

export interface Permissions {
  readonly publish: readonly string[]
  readonly subscribe: readonly string[]
}

/**
 * JetStream answers to whatever reply subject a request names, past the permissions of who asked:
 * in one account with a stream, every reader could have it store such an answer, and who may write
 * into one stream could write into all. So each account with streams holds only those who may
 * write all that is in it; the others reach what they need of it through imports.
 */
export const RECORD_ROLES: readonly Role[] = ['authz-record', 'provisioner']
export const POLICY_ROLES: readonly Role[] = ['policy-publisher']
export const POLICY_DATA_ROLES: readonly Role[] = ['policy-data']
export const EVENT_ROLES: readonly Role[] = ['audit']

/** Where a role finds JetStream's management: `$JS.API` would ask about an account of its own. */
export function streamApi(role: Role): string {
  return RECORD_ROLES.includes(role) ? '$JS.API' : 'verdict.record'
}

/** The same for the streams of bundles, pointers and data. */
export function policyApi(role: Role): string {
  return [...POLICY_ROLES, ...POLICY_DATA_ROLES].includes(role) ? '$JS.API' : 'verdict.policy'
}

/** The same for the stream of what subscribers are told. */
export function eventsApi(role: Role): string {
  return EVENT_ROLES.includes(role) ? '$JS.API' : 'verdict.events'
}

/** The prefix of a role's reply subjects: nobody else may listen there. */
export function inboxPrefix(role: Role): string {
  return `_INBOX.${role}`
}

/**
 * Where audit hears what authz answers. It is not its inbox: that is where the stream delivers what
 * goes into the log, and a question with a reply subject of somebody else's choice must not get an
 * answer of authz there.
 */
export const AUDIT_ANSWERS = '_INBOX.audit-answers'

/**
 * Where the server hears what is answered to another account. It makes up each such subject itself,
 * and refuses requests that name one.
 */
export const ANSWERS_ELSEWHERE = '_R_.>'

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
      ANSWERS_ELSEWHERE,
      'verdict.heartbeat.authz.*',
      ...POLICY_STREAMS.flatMap((stream) => looking('authz-serve', stream)),
    ],
    subscribe: [
      subjects.check,
      wildcards.covered,
      wildcards.pointerNews,
      wildcards.dataNews,
      inbox('authz-serve'),
    ],
  },
  'authz-record': {
    publish: [wildcards.journal, streamInfo('authz-record')],
    subscribe: [inbox('authz-record')],
  },
  audit: {
    publish: [
      wildcards.decided,
      wildcards.covered,
      'verdict.heartbeat.audit.*',
      // Who may read the log is decided like everything else.
      subjects.check,
      ...reading('audit', CONSUMERS.audit),
    ],
    subscribe: [inbox('audit'), `${AUDIT_ANSWERS}.>`, ...ADVISORIES],
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
      ...POLICY_STREAMS.flatMap((stream) => looking('operator', stream)),
    ],
    subscribe: [
      wildcards.decided,
      wildcards.heartbeat,
      wildcards.pointerNews,
      wildcards.dataNews,
      inbox('operator'),
    ],
  },
  /** A caller that asks for decisions over NATS. */
  client: { publish: [subjects.check], subscribe: [inbox('client')] },
  /** Reads decisions and nothing else. */
  subscriber: { publish: [], subscribe: [wildcards.decided, inbox('subscriber')] },
  /** Declares streams and consumers; only the set-up uses it, no service has its key. */
  provisioner: {
    publish: [
      `${streamApi('provisioner')}.>`,
      ...POLICY_STREAMS.flatMap(({ name }) => [
        `${policyApi('provisioner')}.STREAM.INFO.${name}`,
        `${policyApi('provisioner')}.STREAM.CREATE.${name}`,
      ]),
      ...['STREAM.INFO', 'STREAM.CREATE'].map(
        (question) => `${eventsApi('provisioner')}.${question}.${DECIDED.name}`,
      ),
      ...['INFO', 'CREATE', 'DELETE'].map(
        (question) => `${eventsApi('provisioner')}.CONSUMER.${question}.${DECIDED.name}.*`,
      ),
    ],
    subscribe: [inbox('provisioner')],
  },
  /** Stores bundles, and says which is in force under a name. */
  'policy-publisher': {
    publish: [
      ...POLICY_BUNDLES.subjects,
      ...POLICY_POINTERS.subjects,
      ...looking('policy-publisher', POLICY_BUNDLES),
      ...looking('policy-publisher', POLICY_POINTERS),
      // Parts of an archive that was not stored to its end, or is not needed any more.
      `${policyApi('policy-publisher')}.STREAM.PURGE.${POLICY_BUNDLES.name}`,
    ],
    subscribe: [inbox('policy-publisher')],
  },
  /** Changes the policies' data. */
  'policy-data': {
    publish: [...POLICY_DATA.subjects, ...looking('policy-data', POLICY_DATA)],
    subscribe: [inbox('policy-data')],
  },
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

/** Reads a store message by message: nothing is left at the server, and nothing changed. */
function looking(role: Role, { name }: PolicyStream): string[] {
  const questions = ['STREAM.INFO', 'STREAM.MSG.GET', 'DIRECT.GET']
  return questions.map((question) => `${policyApi(role)}.${question}.${name}`)
}
