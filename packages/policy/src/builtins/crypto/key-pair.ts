import { createPublicKey } from 'node:crypto'
import { base64Bytes } from '../../go/base64.ts'
import { pemBlock } from '../../go/pem.ts'
import type { Value } from '../../value/value.ts'
import { BuiltinError, type Builtins, type Evaluation } from '../builtin.ts'
import { stringOf } from '../operands.ts'
import { parseCertificates } from './certificate.ts'
import { struct } from './names.ts'
import { KEY_UNITS, privateKey, privateKeyValue } from './private-keys.ts'

const BEGIN = '-----BEGIN '

export const keyPairBuiltins: Builtins = {
  'crypto.x509.parse_keypair': (evaluation, certificate, key) =>
    keyPair(evaluation, stringOf(certificate), stringOf(key)),
}

/** Certificates and the private key of the first one, as a `tls.Certificate` of Go. */
function keyPair(evaluation: Evaluation, certificateText: string, keyText: string): Value {
  evaluation.spend(certificateText.length + keyText.length + KEY_UNITS)
  const certificates = certificatesIn(certificateText)
  const [leaf] = parseCertificates(certificates[0] ?? Buffer.alloc(0))
  if (leaf === undefined) throw new BuiltinError('there is no certificate')
  const key = privateKey(keyIn(keyText), ['pkcs1', 'pkcs8', 'sec1'])
  const publicKey = createPublicKey(key).export({ format: 'der', type: 'spki' })
  if (key.asymmetricKeyType === 'x25519' || !publicKey.equals(leaf.publicKeyInfo)) {
    throw new BuiltinError('the key is not that of the certificate')
  }
  return struct({
    Certificate: certificates.map((bytes) => bytes.toString('base64')),
    PrivateKey: privateKeyValue(key),
    SupportedSignatureAlgorithms: null,
    OCSPStaple: null,
    SignedCertificateTimestamps: null,
    Leaf: struct(leaf.members),
  })
}

/** In PEM, in base64 of PEM, or in base64 of the DER of one. */
function certificatesIn(text: string): Buffer[] {
  const pem = text.startsWith(BEGIN) ? text : decoded(text)
  if (!pem.startsWith(BEGIN)) return [Buffer.from(pem, 'latin1')]
  return blocksOf(pem).flatMap(({ type, bytes }) => (type === 'CERTIFICATE' ? [bytes] : []))
}

function keyIn(text: string): Buffer {
  const pem = text.startsWith(BEGIN) ? text : decoded(text)
  if (!pem.startsWith(BEGIN)) return Buffer.from(pem, 'latin1')
  const block = blocksOf(pem).find(({ type }) => /^(?:.* )?PRIVATE KEY$/s.test(type))
  if (block === undefined) throw new BuiltinError('there is no private key')
  return block.bytes
}

function decoded(text: string): string {
  const bytes = base64Bytes(text, 'standard')
  if (bytes === undefined) throw new BuiltinError('the text is neither PEM nor base64')
  return bytes.toString('latin1')
}

function blocksOf(pem: string): { readonly type: string; readonly bytes: Buffer }[] {
  const blocks = []
  for (let rest = pem; rest !== ''; ) {
    const block = pemBlock(rest)
    if (block === undefined) break
    blocks.push(block)
    rest = block.rest
  }
  return blocks
}
