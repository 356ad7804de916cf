import { base64Bytes } from '../../go/base64.ts'
import { pemBlock } from '../../go/pem.ts'
import type { RegoObject, Value } from '../../value/value.ts'
import { BuiltinError, type Builtins, type Evaluation } from '../builtin.ts'
import { int64Of, membersOf, objectOperand, stringOf } from '../operands.ts'
import { type Certificate, certificateValue, parseCertificates } from './certificate.ts'
import { certificateRequest } from './certificate-request.ts'
import { struct } from './names.ts'
import { type VerifyOptions, verifiedChain } from './verify.ts'

/** What it costs to read a byte of a certificate, in units. */
const UNITS_PER_BYTE = 50

export const x509Builtins: Builtins = {
  'crypto.x509.parse_certificates': (evaluation, text) =>
    certificatesOf(evaluation, stringOf(text)).map(certificateValue),
  'crypto.x509.parse_certificate_request': (evaluation, text) => {
    evaluation.spend(stringOf(text).length * UNITS_PER_BYTE)
    return certificateRequest(stringOf(text))
  },
  'crypto.x509.parse_and_verify_certificates': (evaluation, text) => {
    const options = { dnsName: '', timeNs: evaluation.nowNs, usages: [] }
    const chain = verifiedOf(evaluation, stringOf(text), () => options)
    return chain === undefined ? UNVERIFIED : [true, chain.map(certificateValue)]
  },
  'crypto.x509.parse_and_verify_certificates_with_options': (evaluation, text, options) => {
    const given = objectOperand(options)
    const chain = verifiedOf(evaluation, stringOf(text), () => optionsOf(evaluation, given))
    // Without the texts of URIs, as OPA gives it.
    return chain === undefined ? UNVERIFIED : [true, chain.map(({ members }) => struct(members))]
  },
}

const UNVERIFIED: Value = [false, []]

const USAGES: readonly string[] = [
  'Any',
  'ServerAuth',
  'ClientAuth',
  'CodeSigning',
  'EmailProtection',
  'IPSECEndSystem',
  'IPSECTunnel',
  'IPSECUser',
  'TimeStamping',
  'OCSPSigning',
  'MicrosoftServerGatedCrypto',
  'NetscapeServerGatedCrypto',
  'MicrosoftCommercialCodeSigning',
  'MicrosoftKernelCodeSigning',
].map((usage) => `KeyUsage${usage}`)

function verifiedOf(
  evaluation: Evaluation,
  text: string,
  options: () => VerifyOptions,
): readonly Certificate[] | undefined {
  let certificates: Certificate[]
  try {
    certificates = certificatesOf(evaluation, text)
  } catch (error) {
    // What is no certificate is not verified either.
    if (error instanceof BuiltinError) return undefined
    throw error
  }
  return verifiedChain(evaluation, certificates, options())
}

/** @throws {BuiltinError} */
function optionsOf(evaluation: Evaluation, given: RegoObject): VerifyOptions {
  for (const name of given.keys()) {
    if (typeof name === 'string' && !OPTIONS.has(name)) throw new BuiltinError('an unknown option')
  }
  if (given.has('MaxConstraintComparisons')) int64Of(given.get('MaxConstraintComparisons'))
  const name = given.has('DNSName') ? stringOf(given.get('DNSName')) : ''
  const usages = given.has('KeyUsages') ? membersOf(given.get('KeyUsages')) : []
  const wanted = usages.filter((usage) => typeof usage === 'string').map(unquoted)
  if (wanted.some((usage) => !USAGES.includes(usage))) throw new BuiltinError('an unknown usage')
  return {
    dnsName: unquoted(name),
    timeNs: given.has('CurrentTime') ? int64Of(given.get('CurrentTime')) : evaluation.nowNs,
    usages: wanted.map((usage) => USAGES.indexOf(usage)),
  }
}

const OPTIONS: ReadonlySet<string> = new Set([
  'DNSName',
  'CurrentTime',
  'MaxConstraintComparisons',
  'KeyUsages',
])

function unquoted(text: string): string {
  return text.replace(/^"+/, '').replace(/"+$/, '')
}

/** In PEM, in base64 of PEM, or in base64 of DER. @throws {BuiltinError} */
export function certificatesOf(evaluation: Evaluation, text: string): Certificate[] {
  evaluation.spend(text.length * UNITS_PER_BYTE)
  if (text.startsWith('-----BEGIN')) return parseCertificates(derOf(text))
  const bytes = base64Bytes(text, 'standard')
  if (bytes === undefined) throw new BuiltinError('the text is no certificate')
  const isPem = bytes.subarray(0, 10).toString('latin1') === '-----BEGIN'
  return parseCertificates(isPem ? derOf(bytes.toString('latin1')) : bytes)
}

function derOf(pem: string): Buffer {
  const parts: Buffer[] = []
  for (let rest = pem; rest !== ''; ) {
    const block = pemBlock(rest)
    if (block === undefined) break
    if (block.type !== 'CERTIFICATE') throw new BuiltinError('the block is no certificate')
    parts.push(block.bytes)
    rest = block.rest
  }
  return Buffer.concat(parts)
}
