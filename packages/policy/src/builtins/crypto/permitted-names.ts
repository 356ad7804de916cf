import { isIP } from 'node:net'
import type { IpAddress } from './alternative-names.ts'
import type { Certificate } from './certificate.ts'
import type { NameConstraints, Range, Subtrees } from './name-constraints.ts'
import { isDomain, type Uri } from './uri.ts'

interface Mailbox {
  readonly local: string
  readonly domain: string
}

const MAILBOX =
  /^(?:"((?:[!#-[\]-~]|\\[ -~])*)"|([\w!#$%&'*+\-/=?^`{|}~]+(?:\.[\w!#$%&'*+\-/=?^`{|}~]+)*))@([^@]*)$/

/** Whether each certificate of a chain has only names that those above it let it have. */
export function hasPermittedNames(chain: readonly Certificate[]): boolean {
  return chain.every((certificate, at) => {
    const above = chain.slice(at + 1).flatMap(({ fields }) => fields.constraints ?? [])
    return above.length === 0 || areNamesPermitted(certificate, above)
  })
}

function areNamesPermitted({ fields }: Certificate, above: readonly NameConstraints[]): boolean {
  const { dns, addresses, uris, emails } = fields.names
  const hosts = uris.map(hostOf)
  const mailboxes = emails.map(mailboxOf)
  if (hosts.includes(undefined) || mailboxes.includes(undefined)) return false
  const domains = [...dns, ...hosts, ...mailboxes.map((mailbox) => mailbox?.domain)]
  if (!domains.every((domain) => isDomain(domain ?? '', false))) return false
  return above.every(
    (constraints) =>
      dns.every((name) => allows(constraints, 'dns', (list, all) => hasDomain(list, all, name))) &&
      hosts.every((host) =>
        allows(constraints, 'uris', (list, all) => hasDomain(list, all, host ?? '')),
      ) &&
      mailboxes.every(
        (mailbox) =>
          mailbox !== undefined &&
          allows(constraints, 'emails', (list, all) => hasMailbox(list, all, mailbox)),
      ) &&
      addresses.every((address) =>
        allows(constraints, 'ranges', (list) => list.some((range) => contains(range, address))),
      ),
  )
}

/** `isExcluded` tells whether the list is of names that must not be. */
function allows<Kind extends keyof Subtrees>(
  { permitted, excluded }: NameConstraints,
  kind: Kind,
  has: (list: Subtrees[Kind], isExcluded: boolean) => boolean,
): boolean {
  if (permitted[kind].length > 0 && !has(permitted[kind], false)) return false
  return excluded[kind].length === 0 || !has(excluded[kind], true)
}

function hasDomain(domains: readonly string[], isExcluded: boolean, name: string): boolean {
  const lower = name.toLowerCase()
  return domains.some((domain) => {
    const constraint = domain.toLowerCase()
    if (constraint === '' || constraint === lower) return true
    if (lower.endsWith(constraint.startsWith('.') ? constraint : `.${constraint}`)) {
      return lower.length > constraint.length
    }
    // A wildcard may stand for what is excluded.
    return isExcluded && lower.startsWith('*') && behindLabel(lower) === behindLabel(constraint)
  })
}

function behindLabel(name: string): string {
  const dot = name.indexOf('.')
  return dot < 0 ? name : name.slice(dot)
}

function hasMailbox(list: readonly string[], isExcluded: boolean, mailbox: Mailbox): boolean {
  const domains = list.filter((constraint) => !constraint.includes('@'))
  if (domains.length > 0 && hasDomain(domains, isExcluded, mailbox.domain)) return true
  return list.some((constraint) => {
    const at = constraint.lastIndexOf('@')
    return (
      at >= 0 &&
      constraint.slice(0, at) === mailbox.local &&
      constraint.slice(at + 1).toLowerCase() === mailbox.domain
    )
  })
}

function contains({ ip, mask }: Range, { bytes }: IpAddress): boolean {
  if (ip.length !== bytes.length) return false
  return bytes.every((byte, at) => (byte & (mask[at] ?? 0)) === ((ip[at] ?? 0) & (mask[at] ?? 0)))
}

/** The host of a URI that constraints can be applied to, which is no address. */
function hostOf({ host }: Uri): string | undefined {
  const name = host.toLowerCase().replace(/:\d*$/, '')
  return name === '' || name.includes(':') || name.startsWith('[') || isIP(name) !== 0
    ? undefined
    : name
}

/** Of a name in quotes, what is in them; control characters in it are not read. */
function mailboxOf(email: string): Mailbox | undefined {
  const [, quoted, atoms, domain] = MAILBOX.exec(email) ?? []
  const local = quoted?.replaceAll(/\\(.)/g, '$1') ?? atoms
  return local === undefined || domain === undefined
    ? undefined
    : { local, domain: domain.toLowerCase() }
}
