import { Ambiguity } from './ambiguity.ts'

/** As it is nearly always: a name in lower case, and perhaps a port. */
const PLAIN = /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*(?::[1-9]\d{0,3})?$/
const PARTS = /^(?:\[[0-9a-f:.]+\]|[a-z0-9._~!$&'()*+=-]+)(?=:|$)(?::(\d{0,10}))?$/
const PORT_MAX = 65_535
const DEFAULT_PORTS: Readonly<Record<string, string>> = { http: ':80', https: ':443' }

/**
 * The authority in the form in which equal ones are equal: in lower case, without userinfo, the
 * dot of the root and the scheme's own port. One that is malformed is only put into lower case.
 */
export function canonicalAuthority(host: string, scheme: string | undefined): string {
  const ownPort = DEFAULT_PORTS[scheme ?? '']
  if (PLAIN.test(host) && (ownPort === undefined || !host.endsWith(ownPort))) return host
  const lower = host.toLowerCase()
  const bare = lower.slice(lower.lastIndexOf('@') + 1)
  const parts = PARTS.exec(bare)
  if (parts === null) return lower
  const port = parts[1]
  const name = port === undefined ? bare : bare.slice(0, -port.length - 1)
  const rooted = name.endsWith('.') && !name.endsWith('..') && name !== '.'
  const suffix = port ? `:${Number(port)}` : ''
  return (rooted ? name.slice(0, -1) : name) + (suffix === ownPort ? '' : suffix)
}

/** What is ambiguous in an authority; an absent one is not. */
export function authorityAmbiguities(host: string, canonical: string): number {
  if (host === '' || (host === canonical && PLAIN.test(host))) return 0
  const at = host.lastIndexOf('@')
  const bare = at === -1 ? host : host.slice(at + 1)
  const parts = PARTS.exec(bare.toLowerCase())
  const valid = parts !== null && Number(parts[1] ?? 0) <= PORT_MAX
  let bits = at === -1 ? 0 : Ambiguity.authority_userinfo
  if (!valid) bits |= Ambiguity.authority_invalid
  else if (bare !== canonical) bits |= Ambiguity.authority_form
  if (host.includes('\0')) bits |= Ambiguity.nul
  return bits
}
