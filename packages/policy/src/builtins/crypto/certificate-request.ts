import { base64Bytes } from '../../go/base64.ts'
import { pemBlock } from '../../go/pem.ts'
import { integerOf, type Value } from '../../value/value.ts'
import { BuiltinError } from '../builtin.ts'
import { alternativeNames } from './alternative-names.ts'
import { extensionsIn } from './certificate.ts'
import { contextTag, Der, malformed, TAG } from './der.ts'
import { type Extension, namesMembers } from './extensions.ts'
import { nameOf, slice, struct } from './names.ts'
import { publicKeyOf } from './public-key.ts'
import { signatureAlgorithmOf } from './signature-algorithm.ts'

const BEGIN = '-----BEGIN CERTIFICATE REQUEST-----'
const EXTENSION_REQUEST = '1.2.840.113549.1.9.14'
const ALTERNATIVE_NAMES = '2.5.29.17'

/** A request in PEM, or in base64 of PEM or DER, as Go has it. @throws {BuiltinError} */
export function certificateRequest(text: string): Value {
  const bytes = text.startsWith(BEGIN) ? Buffer.from(text, 'utf8') : base64Bytes(text, 'standard')
  if (bytes === undefined) throw new BuiltinError('the text is no request')
  const block = pemBlock(bytes.toString('latin1'))
  if (block !== undefined && block.type !== 'CERTIFICATE REQUEST') throw malformed()
  return requestOf(block?.bytes ?? bytes)
}

function requestOf(bytes: Buffer): Value {
  const whole = new Der(bytes)
  const request = whole.element(TAG.sequence)
  if (!whole.isEmpty) throw malformed()
  const outer = new Der(request.value)
  const content = outer.element(TAG.sequence)
  const der = new Der(content.value)
  const version = der.int64()
  const subject = der.element(TAG.sequence).bytes
  const publicKeyInfo = der.element(TAG.sequence).bytes
  const publicKey = publicKeyOf(publicKeyInfo)
  const attributes = attributesIn(der.inner(contextTag(0, true)))
  const algorithm = outer.value(TAG.sequence)
  const extensions = attributes.flatMap(({ extensions: requested }) => requested)
  const names = extensions.find(({ id }) => id.join('.') === ALTERNATIVE_NAMES)
  return struct({
    Raw: request.bytes.toString('base64'),
    RawTBSCertificateRequest: content.bytes.toString('base64'),
    RawSubjectPublicKeyInfo: publicKeyInfo.toString('base64'),
    RawSubject: subject.toString('base64'),
    Version: integerOf(version),
    Signature: outer.alignedBits().toString('base64'),
    SignatureAlgorithm: signatureAlgorithmOf(algorithm),
    PublicKeyAlgorithm: publicKey.kind,
    PublicKey: publicKey.key,
    Subject: nameOf(new Der(subject)),
    Attributes: slice(attributes.flatMap(({ value }) => (value === undefined ? [] : [value]))),
    Extensions: slice(extensions.map(({ value }) => value)),
    ExtraExtensions: null,
    ...namesMembers(
      names === undefined
        ? { dns: [], emails: [], addresses: [], uris: [] }
        : alternativeNames(names.bytes),
    ),
  })
}

interface Attribute {
  /** As Go shows those whose values are like extensions. */
  readonly value?: Value
  readonly extensions: readonly Extension[]
}

function attributesIn(der: Der): Attribute[] {
  const attributes: Attribute[] = []
  while (!der.isEmpty) {
    const attribute = der.inner(TAG.sequence)
    const type = attribute.oid()
    const values = attribute.inner(TAG.set)
    if (type.join('.') !== EXTENSION_REQUEST || values.isEmpty) attributes.push({ extensions: [] })
    else attributes.push(requested(type, values.inner(TAG.sequence)))
  }
  return attributes
}

function requested(type: readonly number[], sequence: Der): Attribute {
  const extensions = extensionsIn(sequence)
  // Go takes the second member for the value, which of what is critical says that.
  const shown = extensions.map(({ id, isCritical, bytes }) =>
    struct({ Type: id, Value: isCritical || bytes.toString('base64') }),
  )
  return { value: struct({ Type: type, Value: [shown] }), extensions }
}
