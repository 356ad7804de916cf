import { integerOf, type Value } from '../../value/value.ts'
import { type AlternativeNames, alternativeNames } from './alternative-names.ts'
import { contextTag, Der, malformed, partsOf, TAG } from './der.ts'
import { type NameConstraints, nameConstraints } from './name-constraints.ts'
import { slice } from './names.ts'
import {
  inhibitAnyPolicy,
  mappedPolicies,
  policies,
  policyConstraints,
  policyMappings,
} from './policies.ts'

export interface Extension {
  readonly id: readonly number[]
  readonly isCritical: boolean
  readonly bytes: Buffer
  /** A `pkix.Extension` of Go. */
  readonly value: Value
}

/** What the extensions of a certificate say. */
export interface Fields {
  /** The members of Go's `x509.Certificate` that come from them. */
  readonly members: Readonly<Record<string, Value>>
  readonly names: AlternativeNames
  readonly uriTexts: readonly string[]
  readonly constraints: NameConstraints | undefined
  readonly hasUnhandledCritical: boolean
  /** Of the extension with the names, its bytes. */
  readonly namesBytes: Buffer | undefined
  /** The policies that are mapped, and what they are mapped to. */
  readonly mappedPolicies: readonly string[]
}

const USAGES: ReadonlyMap<string, number> = new Map([
  ['2.5.29.37.0', 0],
  ...Array.from({ length: 9 }, (_, at) => [`1.3.6.1.5.5.7.3.${at + 1}`, at + 1] as const),
  ['1.3.6.1.4.1.311.10.3.3', 10],
  ['2.16.840.1.113730.4.1', 11],
  ['1.3.6.1.4.1.311.2.1.22', 12],
  ['1.3.6.1.4.1.311.61.1.1', 13],
])
const OCSP = '1.3.6.1.5.5.7.48.1'
const ISSUERS = '1.3.6.1.5.5.7.48.2'

const ABSENT: Readonly<Record<string, Value>> = {
  KeyUsage: 0,
  UnhandledCriticalExtensions: null,
  ExtKeyUsage: null,
  UnknownExtKeyUsage: null,
  BasicConstraintsValid: false,
  IsCA: false,
  MaxPathLen: 0,
  MaxPathLenZero: false,
  SubjectKeyId: null,
  AuthorityKeyId: null,
  OCSPServer: null,
  IssuingCertificateURL: null,
  DNSNames: null,
  EmailAddresses: null,
  IPAddresses: null,
  URIs: null,
  PermittedDNSDomainsCritical: false,
  PermittedDNSDomains: null,
  ExcludedDNSDomains: null,
  PermittedIPRanges: null,
  ExcludedIPRanges: null,
  PermittedEmailAddresses: null,
  ExcludedEmailAddresses: null,
  PermittedURIDomains: null,
  ExcludedURIDomains: null,
  CRLDistributionPoints: null,
  PolicyIdentifiers: null,
  Policies: null,
  InhibitAnyPolicy: 0,
  InhibitAnyPolicyZero: false,
  InhibitPolicyMapping: 0,
  InhibitPolicyMappingZero: false,
  RequireExplicitPolicy: 0,
  RequireExplicitPolicyZero: false,
  PolicyMappings: null,
}

/** @throws {BuiltinError} */
export function readExtensions(extensions: readonly Extension[]): Fields {
  const members: Record<string, Value> = { ...ABSENT }
  const unhandled: Value[] = []
  let names: AlternativeNames = { dns: [], emails: [], addresses: [], uris: [] }
  let constraints: NameConstraints | undefined
  for (const extension of extensions) {
    const { id, isCritical, bytes } = extension
    const name = id.join('.')
    let isHandled = true
    if (name === '2.5.29.17') {
      names = alternativeNames(bytes)
      Object.assign(members, namesMembers(names))
      isHandled = Object.values(names).some((list) => list.length > 0)
    } else if (name === '2.5.29.30') {
      constraints = nameConstraints(bytes)
      Object.assign(members, constraints.members, { PermittedDNSDomainsCritical: isCritical })
      isHandled = constraints.isComplete
    } else {
      const read = READERS.get(name)
      if (read === undefined) isHandled = false
      else Object.assign(members, read(new Der(bytes), isCritical))
    }
    if (isCritical && !isHandled) unhandled.push(id)
  }
  return {
    members: { ...members, UnhandledCriticalExtensions: slice(unhandled) },
    names,
    uriTexts: names.uris.map(({ text }) => text),
    constraints,
    hasUnhandledCritical: unhandled.length > 0,
    namesBytes: extensions.find(({ id }) => id.join('.') === '2.5.29.17')?.bytes,
    mappedPolicies: mappedPolicies(members['PolicyMappings'] ?? null),
  }
}

export function namesMembers(names: AlternativeNames): Readonly<Record<string, Value>> {
  return {
    DNSNames: slice(names.dns),
    EmailAddresses: slice(names.emails),
    IPAddresses: slice(names.addresses.map(({ text }) => text)),
    URIs: slice(names.uris.map(({ parsed }) => parsed)),
  }
}

type Reader = (der: Der, isCritical: boolean) => Readonly<Record<string, Value>>

const READERS: ReadonlyMap<string, Reader> = new Map([
  ['2.5.29.14', subjectKey],
  ['2.5.29.15', keyUsage],
  ['2.5.29.19', basicConstraints],
  ['2.5.29.31', distributionPoints],
  ['2.5.29.32', policies],
  ['2.5.29.33', policyMappings],
  ['2.5.29.35', authorityKey],
  ['2.5.29.36', policyConstraints],
  ['2.5.29.37', extendedUsage],
  ['2.5.29.54', inhibitAnyPolicy],
  ['1.3.6.1.5.5.7.1.1', authorityAccess],
])

function keyUsage(der: Der): Readonly<Record<string, Value>> {
  const bytes = der.bits()
  const usage = Array.from({ length: 9 }, (_, at) =>
    ((bytes[at >> 3] ?? 0) >> (7 - (at & 7))) & 1 ? 1 << at : 0,
  )
  return { KeyUsage: usage.reduce((sum, bit) => sum | bit, 0) }
}

function basicConstraints(der: Der): Readonly<Record<string, Value>> {
  const sequence = der.inner(TAG.sequence)
  const isAuthority = sequence.isNext(TAG.boolean) && sequence.boolean()
  const most = sequence.isNext(TAG.integer) ? sequence.int64() : undefined
  if (most !== undefined && most < 0n) throw malformed()
  return {
    BasicConstraintsValid: true,
    IsCA: isAuthority,
    MaxPathLen: integerOf(most ?? -1n),
    MaxPathLenZero: most === 0n,
  }
}

function subjectKey(der: Der, isCritical: boolean): Readonly<Record<string, Value>> {
  if (isCritical) throw malformed()
  return { SubjectKeyId: der.value(TAG.octetString).toString('base64') }
}

function authorityKey(der: Der, isCritical: boolean): Readonly<Record<string, Value>> {
  const sequence = der.inner(TAG.sequence)
  if (isCritical) throw malformed()
  const id = sequence.isNext(contextTag(0)) ? sequence.value(contextTag(0)) : undefined
  return { AuthorityKeyId: id?.toString('base64') ?? null }
}

function extendedUsage(der: Der): Readonly<Record<string, Value>> {
  const ids = [...partsOf(der)].map((part) => new Der(part.bytes).oid())
  const isKnown = (id: readonly number[]) => USAGES.has(id.join('.'))
  return {
    ExtKeyUsage: slice(ids.filter(isKnown).map((id) => USAGES.get(id.join('.')) ?? 0)),
    UnknownExtKeyUsage: slice(ids.filter((id) => !isKnown(id))),
  }
}

function distributionPoints(der: Der): Readonly<Record<string, Value>> {
  const places: Value[] = []
  for (const { bytes } of partsOf(der)) {
    const point = new Der(bytes).inner(TAG.sequence)
    const names = point.optional(contextTag(0, true))?.inner(contextTag(0, true))
    while (names?.isNext(contextTag(6))) places.push(names.value(contextTag(6)).toString('utf8'))
  }
  return { CRLDistributionPoints: slice(places) }
}

function authorityAccess(der: Der, isCritical: boolean): Readonly<Record<string, Value>> {
  if (isCritical) throw malformed()
  const places = new Map<string, Value[]>([
    [OCSP, []],
    [ISSUERS, []],
  ])
  for (const { bytes } of partsOf(der)) {
    const access = new Der(bytes).inner(TAG.sequence)
    const method = access.oid().join('.')
    if (!access.isNext(contextTag(6))) continue
    places.get(method)?.push(access.value(contextTag(6)).toString('utf8'))
  }
  return {
    OCSPServer: slice(places.get(OCSP) ?? []),
    IssuingCertificateURL: slice(places.get(ISSUERS) ?? []),
  }
}
