import { constants, createPublicKey, verify } from 'node:crypto'
import { isArray } from '../../value/value.ts'
import type { Evaluation } from '../builtin.ts'
import type { Certificate } from './certificate.ts'
import { isHostOf } from './certificate-host.ts'
import { hasPermittedNames } from './permitted-names.ts'

export interface VerifyOptions {
  readonly dnsName: string
  /** In nanoseconds since 1970. */
  readonly timeNs: bigint
  /** Go's numbers of what the certificate must be for. */
  readonly usages: readonly number[]
}

/** More signatures than these, Go does not check for one certificate. */
const CHECKS_MAX = 100
/** What it costs to check one, in units. */
const CHECK_UNITS = 50_000
const RSA_BITS_MIN = 1024
const NS_PER_SECOND = 1_000_000_000n
const ANY_USAGE = 0
const SERVER_USAGE = 1
const SIGNS_CERTIFICATES = 1 << 5
const ANY_POLICY = '2.5.29.32.0'

/** How a signature is checked, by Go's number: with a kind of key, a hash, and whether it is PSS. */
const SIGNATURES: ReadonlyMap<number, readonly [kind: number, hash: string | null, isPss?: true]> =
  new Map([
    [4, [1, 'sha256']],
    [5, [1, 'sha384']],
    [6, [1, 'sha512']],
    [10, [3, 'sha256']],
    [11, [3, 'sha384']],
    [12, [3, 'sha512']],
    [13, [1, 'sha256', true]],
    [14, [1, 'sha384', true]],
    [15, [1, 'sha512', true]],
    [16, [4, null]],
  ])

/**
 * The chain from the last of these certificates to the first one, which is trusted; nothing where
 * there is none. A chain that must have explicit policies is none here.
 */
export function verifiedChain(
  evaluation: Evaluation,
  certificates: readonly Certificate[],
  options: VerifyOptions,
): readonly Certificate[] | undefined {
  const [root] = certificates
  const leaf = certificates.at(-1)
  if (root === undefined || leaf === undefined || certificates.length < 2) return undefined
  if (!isValid(leaf, [], options) || !isHostOf(leaf, options.dnsName)) return undefined
  const intermediates = distinct(certificates.slice(1, -1))
  const search = { evaluation, root, intermediates, options, checks: 0 }
  const chains = root.raw.equals(leaf.raw) ? [[leaf]] : chainsFrom(search, [leaf])
  return chains.find(
    (chain) => hasPolicies(chain) && isFor(chain, options.usages) && hasPermittedNames(chain),
  )
}

interface Search {
  readonly evaluation: Evaluation
  readonly root: Certificate
  readonly intermediates: readonly Certificate[]
  readonly options: VerifyOptions
  checks: number
}

function chainsFrom(search: Search, chain: readonly Certificate[]): (readonly Certificate[])[] {
  const { root, intermediates, options } = search
  const child = chain.at(-1) as Certificate
  const found: (readonly Certificate[])[] = []
  const parents = [...candidates(child, [root]), ...candidates(child, intermediates)]
  for (const parent of parents) {
    if (++search.checks > CHECKS_MAX) break
    if (parent.publicKey.key === null || isIn(parent, chain)) continue
    if (!hasSigned(search.evaluation, parent, child)) continue
    if (!isValid(parent, chain, options)) continue
    if (parent === root) found.push([...chain, parent])
    else if (parent.members['IsCA'] === true) found.push(...chainsFrom(search, [...chain, parent]))
  }
  return found
}

/** Those with the name of the issuer; first those with the key that the child names. */
function candidates(child: Certificate, from: readonly Certificate[]): Certificate[] {
  const wanted = child.members['AuthorityKeyId'] ?? ''
  const rank = ({ members }: Certificate) => {
    const has = members['SubjectKeyId'] ?? ''
    if (has === wanted) return 0
    return (has === '') === (wanted === '') ? 2 : 1
  }
  const named = from.filter(({ subject }) => subject.equals(child.issuer))
  return named.sort((a, b) => rank(a) - rank(b))
}

function isIn(candidate: Certificate, chain: readonly Certificate[]): boolean {
  const same = chain.find(
    ({ subject, publicKeyInfo }) =>
      subject.equals(candidate.subject) && publicKeyInfo.equals(candidate.publicKeyInfo),
  )
  return same !== undefined && namesOf(same) === namesOf(candidate)
}

function namesOf({ fields }: Certificate): string {
  return fields.namesBytes?.toString('base64') ?? 'none'
}

function hasSigned(evaluation: Evaluation, parent: Certificate, child: Certificate): boolean {
  const { members, version, publicKey, publicKeyInfo } = parent
  const isAuthority = members['BasicConstraintsValid'] === true
  if ((version === 3 && !isAuthority) || (isAuthority && members['IsCA'] !== true)) return false
  const usage = Number(members['KeyUsage'])
  if (usage !== 0 && (usage & SIGNS_CERTIFICATES) === 0) return false
  const [kind, hash = null, isPss] = SIGNATURES.get(child.signatureAlgorithm) ?? []
  if (kind === undefined || kind !== publicKey.kind) return false
  evaluation.spend(CHECK_UNITS + child.content.length)
  try {
    const key = createPublicKey({ key: publicKeyInfo, format: 'der', type: 'spki' })
    const bits = key.asymmetricKeyDetails?.modulusLength ?? RSA_BITS_MIN
    if (bits < RSA_BITS_MIN) return false
    const padding = {
      padding: constants.RSA_PKCS1_PSS_PADDING,
      saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
    }
    return verify(hash, child.content, isPss ? { key, ...padding } : key, child.signature)
  } catch {
    // A key or a signature that OpenSSL does not even look at.
    return false
  }
}

function isValid(
  { fields, members, subject, notBefore, notAfter }: Certificate,
  chain: readonly Certificate[],
  { timeNs }: VerifyOptions,
): boolean {
  if (fields.hasUnhandledCritical) return false
  const child = chain.at(-1)
  if (child !== undefined && !child.issuer.equals(subject)) return false
  if (timeNs < BigInt(notBefore) * NS_PER_SECOND) return false
  if (timeNs > BigInt(notAfter) * NS_PER_SECOND) return false
  const most = Number(members['MaxPathLen'])
  return members['BasicConstraintsValid'] !== true || most < 0 || chain.length - 1 <= most
}

function isFor(chain: readonly Certificate[], wanted: readonly number[]): boolean {
  if (wanted.includes(ANY_USAGE)) return true
  let left = wanted.length === 0 ? [SERVER_USAGE] : wanted
  for (const { members } of chain.toReversed()) {
    const known = members['ExtKeyUsage'] ?? null
    if (known === null && members['UnknownExtKeyUsage'] === null) continue
    const usages = isArray(known) ? known : []
    if (usages.includes(ANY_USAGE)) continue
    left = left.filter((usage) => usages.includes(usage))
    if (left.length === 0) return false
  }
  return true
}

/** Whether nothing asks for explicit policies, and none that stands for any is mapped. */
function hasPolicies(chain: readonly Certificate[]): boolean {
  const below = chain.slice(0, -1)
  const isExplicit = below.some(
    ({ members }) =>
      members['RequireExplicitPolicyZero'] === true || members['RequireExplicitPolicy'] !== 0,
  )
  // From where a certificate has no policies on, mappings are not looked at.
  const last = below.findLastIndex(({ members }) => members['Policies'] === null)
  const mapping = below.slice(Math.max(last + 1, 1))
  return !isExplicit && !mapping.some(({ fields }) => fields.mappedPolicies.includes(ANY_POLICY))
}

function distinct(certificates: readonly Certificate[]): Certificate[] {
  return [...new Map(certificates.map((one) => [one.raw.toString('base64'), one])).values()]
}
