import {
  ADVISORIES,
  DECISIONS,
  EVENT_ROLES,
  eventsApi,
  PERMISSIONS,
  type Permissions,
  POLICY_DATA,
  POLICY_DATA_ROLES,
  POLICY_ROLES,
  policyApi,
  RECORD_ROLES,
  ROLES,
  type Role,
  streamApi,
  subjects,
  subscriberPermissions,
  wildcards,
} from '@verdict/contract'

type Account = 'RECORD' | 'POLICY' | 'POLICY_DATA' | 'AUDIT' | 'CLUSTER'

/** A subscriber with a key of its own. */
export interface SubscriberKey {
  readonly name: string
  /** The public key. */
  readonly nkey: string
}

const OWNERS: Readonly<Record<Exclude<Account, 'CLUSTER'>, readonly Role[]>> = {
  RECORD: RECORD_ROLES,
  POLICY: POLICY_ROLES,
  POLICY_DATA: POLICY_DATA_ROLES,
  AUDIT: EVENT_ROLES,
}
const MEMBERS: Readonly<Record<Account, readonly Role[]>> = {
  ...OWNERS,
  CLUSTER: ROLES.filter((role) => !Object.values(OWNERS).flat().includes(role)),
}

/** JetStream's management where the streams are, and what it is called elsewhere. */
const INSIDE = streamApi('provisioner')
const RECORD_OUTSIDE = streamApi('operator')
const POLICY_OUTSIDE = policyApi('operator')
const EVENTS_OUTSIDE = eventsApi('operator')
const OUTSIDE = [RECORD_OUTSIDE, POLICY_OUTSIDE, EVENTS_OUTSIDE]
/** What is answered in CLUSTER. */
const REQUESTS: readonly string[] = [subjects.check, subjects.identify]
/** What is told to whoever listens, whichever account it is in. */
const TOLD: readonly string[] = [wildcards.decided, wildcards.heartbeat, wildcards.covered]
/** What the server says where the stream is. */
const SAID: readonly string[] = ADVISORIES
/** A subscriber that opens more is refused them: a place costs the server memory. */
const SUBSCRIBER_LIMITS = { max_connections: 8, max_subscriptions: 64 }

/** Something that another account does or tells, and the subject under which it is had here. */
interface Import {
  readonly kind: 'service' | 'stream'
  readonly account: Account
  readonly subject: string
  readonly to: string
}

/** What is told of one account, to write it down. */
interface Block {
  readonly users: readonly object[]
  readonly imports: readonly Import[]
  readonly more: object
}

/**
 * The accounts of the server. Each that has streams holds those alone who may write all that is in
 * it; who is elsewhere has of it what the permissions of a role name. Each subscriber is alone in an
 * account: what JetStream answers to a reply subject of its choice, nobody else can hear.
 */
export function serverAccounts(
  keys: Readonly<Record<Role, string>>,
  subscribers: readonly SubscriberKey[] = [],
): object {
  const blocks = new Map<string, Block>()
  for (const account of accounts) {
    const permissions = MEMBERS[account].map((role) => PERMISSIONS[role])
    blocks.set(account, {
      users: MEMBERS[account].map((role) => user(keys[role], PERMISSIONS[role])),
      imports: importsOf(permissions, account),
      more: account === 'CLUSTER' ? {} : { jetstream: 'enabled' },
    })
  }
  for (const { name, nkey } of subscribers) {
    const permissions = subscriberPermissions(name)
    blocks.set(`SUBSCRIBER_${name}`, {
      users: [user(nkey, permissions)],
      imports: importsOf([permissions]),
      more: { limits: SUBSCRIBER_LIMITS },
    })
  }
  return Object.fromEntries(
    [...blocks].map(([name, block]) => [name, written(name, block, blocks)]),
  )
}

const accounts = Object.keys(MEMBERS) as Account[]

function written(name: string, block: Block, blocks: ReadonlyMap<string, Block>): object {
  const exported = exportsOf(name, blocks)
  return {
    ...block.more,
    users: block.users,
    ...(exported.length > 0 ? { exports: exported } : {}),
    ...(block.imports.length > 0 ? { imports: block.imports.map(importBlock) } : {}),
  }
}

function importsOf(permissions: readonly Permissions[], own?: Account): Import[] {
  const of = (kind: keyof Permissions): string[] => [
    ...new Set(permissions.flatMap((allowed) => allowed[kind])),
  ]
  const found = [...of('publish').map(service), ...of('subscribe').flatMap(news)]
  return found.filter((each) => each !== undefined).filter(({ account }) => account !== own)
}

/** What another account does on a subject, if one does. */
function service(to: string): Import | undefined {
  if (REQUESTS.includes(to)) return { kind: 'service', account: 'CLUSTER', subject: to, to }
  if (to.startsWith('$JS.ACK.')) {
    const account = to.startsWith(`$JS.ACK.${DECISIONS.name}.`) ? 'RECORD' : 'AUDIT'
    return { kind: 'service', account, subject: to, to }
  }
  const outside = OUTSIDE.find((prefix) => to.startsWith(`${prefix}.`))
  if (outside === undefined) return undefined
  const subject = `${INSIDE}${to.slice(outside.length)}`
  return { kind: 'service', account: accountBehind(outside, to), subject, to }
}

function accountBehind(outside: string, to: string): Account {
  if (outside === RECORD_OUTSIDE) return 'RECORD'
  if (outside === EVENTS_OUTSIDE) return 'AUDIT'
  return to.endsWith(`.${POLICY_DATA.name}`) ? 'POLICY_DATA' : 'POLICY'
}

/** What other accounts tell on a subject, if any does. */
function news(to: string): Import[] {
  const kind = 'stream'
  if (to === wildcards.pointerNews) return [{ kind, account: 'POLICY', subject: to, to }]
  if (to === wildcards.dataNews) return [{ kind, account: 'POLICY_DATA', subject: to, to }]
  if (SAID.includes(to)) return [{ kind, account: 'RECORD', subject: to, to }]
  if (!TOLD.includes(to)) return []
  return accounts.flatMap((account) => {
    const told = MEMBERS[account].flatMap((role) => PERMISSIONS[role].publish)
    return [...new Set(told)]
      .filter((subject) => covers(to, subject))
      .map((subject) => ({ kind, account, subject, to: subject }) as const)
  })
}

/** Whether a subject is one of those of a pattern of as many tokens. */
function covers(pattern: string, subject: string): boolean {
  const [wanted, given] = [pattern.split('.'), subject.split('.')]
  return (
    wanted.length === given.length &&
    wanted.every((token, at) => token === '*' || token === given[at])
  )
}

function exportsOf(account: string, blocks: ReadonlyMap<string, Block>): object[] {
  const importers = new Map<string, { kind: Import['kind']; accounts: string[] }>()
  for (const [importer, { imports }] of blocks) {
    for (const { kind, subject } of imports.filter((each) => each.account === account)) {
      const known = importers.get(subject)
      if (known) known.accounts.push(importer)
      else importers.set(subject, { kind, accounts: [importer] })
    }
  }
  return [...importers].map(([subject, { kind, accounts: allowed }]) =>
    kind === 'stream'
      ? { stream: subject, accounts: allowed }
      : {
          service: subject,
          accounts: allowed,
          response_type: isAnsweredByMany(subject) ? 'stream' : 'single',
        },
  )
}

function isAnsweredByMany(subject: string): boolean {
  return subject.includes('.MSG.NEXT.') || subject.includes('.DIRECT.GET.')
}

function importBlock({ kind, account, subject, to }: Import): object {
  return kind === 'stream'
    ? { stream: { account, subject } }
    : { service: { account, subject }, to }
}

/** An empty list of what is allowed would allow everything: nothing is a denial of everything. */
function user(nkey: string, { publish, subscribe }: Permissions): object {
  return {
    nkey,
    permissions: { publish: allowedSubjects(publish), subscribe: allowedSubjects(subscribe) },
  }
}

function allowedSubjects(allow: readonly string[]): object {
  return allow.length > 0 ? { allow } : { deny: ['>'] }
}
