import {
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
  wildcards,
} from '@verdict/contract'

type Account = 'RECORD' | 'POLICY' | 'POLICY_DATA' | 'CLUSTER'

const OWNERS: Readonly<Record<Exclude<Account, 'CLUSTER'>, readonly Role[]>> = {
  RECORD: RECORD_ROLES,
  POLICY: POLICY_ROLES,
  POLICY_DATA: POLICY_DATA_ROLES,
}
const MEMBERS: Readonly<Record<Account, readonly Role[]>> = {
  ...OWNERS,
  CLUSTER: ROLES.filter((role) => !Object.values(OWNERS).flat().includes(role)),
}

/** JetStream's management where the streams are, and what it is called elsewhere. */
const INSIDE = streamApi('provisioner')
const RECORD_OUTSIDE = streamApi('operator')
const POLICY_OUTSIDE = policyApi('operator')

/** Something that another account does or tells, and the subject under which it is had here. */
interface Import {
  readonly kind: 'service' | 'stream'
  readonly account: Account
  readonly subject: string
  readonly to: string
}

/**
 * The accounts of the server. Each that has streams holds those alone who may write all that is in
 * it; who is elsewhere has of it what the permissions of a role name.
 */
export function serverAccounts(keys: Readonly<Record<Role, string>>): object {
  const imports = new Map<Account, Import[]>()
  for (const account of accounts) imports.set(account, importsOf(MEMBERS[account], account))
  return Object.fromEntries(
    accounts.map((account) => {
      const exported = exportsOf(account, imports)
      const imported = imports.get(account) ?? []
      const block = {
        ...(account === 'CLUSTER' ? {} : { jetstream: 'enabled' }),
        users: users(MEMBERS[account], keys),
        ...(exported.length > 0 ? { exports: exported } : {}),
        ...(imported.length > 0 ? { imports: imported.map(importBlock) } : {}),
      }
      return [account, block]
    }),
  )
}

const accounts = Object.keys(MEMBERS) as Account[]

function importsOf(roles: readonly Role[], own: Account): Import[] {
  const of = (kind: keyof Permissions): string[] => [
    ...new Set(roles.flatMap((role) => PERMISSIONS[role][kind])),
  ]
  const found = [...of('publish').map(service), ...of('subscribe').map(news)]
  return found.filter((each) => each !== undefined).filter(({ account }) => account !== own)
}

/** What another account does on a subject, if one does. */
function service(to: string): Import | undefined {
  if (to.startsWith('$JS.ACK.')) return { kind: 'service', account: 'RECORD', subject: to, to }
  for (const outside of [RECORD_OUTSIDE, POLICY_OUTSIDE]) {
    if (!to.startsWith(`${outside}.`)) continue
    const subject = `${INSIDE}${to.slice(outside.length)}`
    const policies = to.endsWith(`.${POLICY_DATA.name}`) ? 'POLICY_DATA' : 'POLICY'
    const account = outside === RECORD_OUTSIDE ? 'RECORD' : policies
    return { kind: 'service', account, subject, to }
  }
  return undefined
}

/** What another account tells on a subject, if one does. */
function news(to: string): Import | undefined {
  if (to === wildcards.pointerNews) return { kind: 'stream', account: 'POLICY', subject: to, to }
  if (to === wildcards.dataNews) return { kind: 'stream', account: 'POLICY_DATA', subject: to, to }
  return undefined
}

function exportsOf(account: Account, imports: ReadonlyMap<Account, readonly Import[]>): object[] {
  const importers = new Map<string, { kind: Import['kind']; accounts: Account[] }>()
  for (const [importer, all] of imports) {
    for (const { kind, subject } of all.filter((each) => each.account === account)) {
      const known = importers.get(subject)
      if (known) known.accounts.push(importer)
      else importers.set(subject, { kind, accounts: [importer] })
    }
  }
  return [...importers].map(([subject, { kind, accounts }]) =>
    kind === 'stream'
      ? { stream: subject, accounts }
      : {
          service: subject,
          accounts,
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

function users(roles: readonly Role[], keys: Readonly<Record<Role, string>>): object[] {
  return roles.map((role) => ({ nkey: keys[role], permissions: allowed(PERMISSIONS[role]) }))
}

/** An empty list of what is allowed would allow everything: nothing is a denial of everything. */
function allowed({ publish, subscribe }: Permissions): object {
  return { publish: allowedSubjects(publish), subscribe: allowedSubjects(subscribe) }
}

function allowedSubjects(subjects: readonly string[]): object {
  return subjects.length > 0 ? { allow: subjects } : { deny: ['>'] }
}
