import { integerOf, type Value } from '../../value/value.ts'
import { contextTag, Der, malformed, TAG } from './der.ts'
import { type Extension, type Fields, readExtensions } from './extensions.ts'
import { nameOf, slice, struct } from './names.ts'
import { type PublicKey, publicKeyOf } from './public-key.ts'
import { signatureAlgorithmOf } from './signature-algorithm.ts'

/** A certificate as Go has it. */
export interface Certificate {
  readonly raw: Buffer
  /** What is signed. */
  readonly content: Buffer
  readonly subject: Buffer
  readonly issuer: Buffer
  readonly publicKeyInfo: Buffer
  readonly publicKey: PublicKey
  readonly version: number
  readonly signatureAlgorithm: number
  readonly signature: Buffer
  /** In seconds since 1970. */
  readonly notBefore: number
  readonly notAfter: number
  readonly fields: Fields
  /** The members of Go's `x509.Certificate` in JSON. */
  readonly members: Readonly<Record<string, Value>>
}

/** One certificate after the other. @throws {BuiltinError} */
export function parseCertificates(bytes: Buffer): Certificate[] {
  const certificates: Certificate[] = []
  const der = new Der(bytes)
  while (!der.isEmpty) certificates.push(parseCertificate(der.element(TAG.sequence).bytes))
  return certificates
}

/** @throws {BuiltinError} */
function parseCertificate(raw: Buffer): Certificate {
  const outer = new Der(raw).inner(TAG.sequence)
  const content = outer.element(TAG.sequence)
  const der = new Der(content.value)
  const version = Number(der.optional(contextTag(0, true))?.int64() ?? 0n) + 1
  if (version < 1 || version > 3) throw malformed()
  const serial = der.integer()
  if (serial < 0n) throw malformed()
  const algorithm = der.value(TAG.sequence)
  if (!outer.value(TAG.sequence).equals(algorithm)) throw malformed()
  const issuer = der.element(TAG.sequence).bytes
  const issuerName = nameOf(new Der(issuer))
  const validity = der.inner(TAG.sequence)
  const [notBefore, notAfter] = [timeOf(validity), timeOf(validity)]
  const subject = der.element(TAG.sequence).bytes
  const subjectName = nameOf(new Der(subject))
  const publicKeyInfo = der.element(TAG.sequence).bytes
  const publicKey = publicKeyOf(publicKeyInfo)
  const extensions = extensionsOf(der, version)
  const fields = readExtensions(extensions)
  const signature = outer.alignedBits()
  const signatureAlgorithm = signatureAlgorithmOf(algorithm)
  const members = {
    Raw: raw.toString('base64'),
    RawTBSCertificate: content.bytes.toString('base64'),
    RawSubjectPublicKeyInfo: publicKeyInfo.toString('base64'),
    RawSubject: subject.toString('base64'),
    RawIssuer: issuer.toString('base64'),
    Signature: signature.toString('base64'),
    SignatureAlgorithm: signatureAlgorithm,
    PublicKeyAlgorithm: publicKey.kind,
    PublicKey: publicKey.key,
    Version: version,
    SerialNumber: integerOf(serial),
    Issuer: issuerName,
    Subject: subjectName,
    NotBefore: timeText(notBefore),
    NotAfter: timeText(notAfter),
    Extensions: slice(extensions.map(({ value }) => value)),
    ExtraExtensions: null,
    ...fields.members,
  }
  return {
    raw,
    content: content.bytes,
    subject,
    issuer,
    publicKeyInfo,
    publicKey,
    version,
    signatureAlgorithm,
    signature,
    notBefore,
    notAfter,
    fields,
    members,
  }
}

function extensionsOf(der: Der, version: number): Extension[] {
  if (version === 1) return []
  der.optional(contextTag(1))
  der.optional(contextTag(2))
  const sequence =
    version === 3 ? der.optional(contextTag(3, true))?.inner(TAG.sequence) : undefined
  return sequence === undefined ? [] : extensionsIn(sequence)
}

/** @throws {BuiltinError} where one is there twice */
export function extensionsIn(sequence: Der): Extension[] {
  const extensions: Extension[] = []
  const seen = new Set<string>()
  while (!sequence.isEmpty) {
    const der = sequence.inner(TAG.sequence)
    const id = der.oid()
    const isCritical = der.isNext(TAG.boolean) && der.boolean()
    const bytes = der.value(TAG.octetString)
    if (seen.has(id.join('.'))) throw malformed()
    seen.add(id.join('.'))
    const value = struct({ Id: id, Critical: isCritical, Value: bytes.toString('base64') })
    extensions.push({ id, isCritical, bytes, value })
  }
  return extensions
}

/** A certificate as `crypto.x509.parse_certificates` gives it. */
export function certificateValue({ members, fields }: Certificate): Value {
  return struct({ ...members, URIStrings: slice(fields.uriTexts) })
}

function timeOf(der: Der): number {
  const isShort = der.isNext(TAG.utcTime)
  const text = der.value(isShort ? TAG.utcTime : TAG.generalizedTime).toString('latin1')
  const form = isShort
    ? /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)?Z$/
    : /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/
  const found = form.exec(text)
  if (found === null) throw malformed()
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = found
    .slice(1)
    .map((digits: string | undefined) => Number(digits ?? 0))
  const date = new Date(0)
  date.setUTCFullYear(isShort ? year + (year < 50 ? 2000 : 1900) : year, month - 1, day)
  date.setUTCHours(hour, minute, second)
  const isReal =
    date.getUTCMonth() === month - 1 &&
    date.getUTCDate() === day &&
    date.getUTCHours() === hour &&
    date.getUTCMinutes() === minute &&
    date.getUTCSeconds() === second
  if (!isReal) throw malformed()
  return date.getTime() / 1000
}

function timeText(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace(/\.\d+Z$/, 'Z')
}
