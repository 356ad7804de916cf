import type { KeyObject } from 'node:crypto'
import { expect, test, vi } from 'vitest'
import { differencesOf } from '../calls-under-test.ts'
import {
  alternatives,
  authority,
  bits,
  certificate,
  dns,
  email,
  extension,
  ip,
  KEYS,
  oid,
  pem,
  ROOT,
  request,
  sequence,
  text,
  tlv,
  uri,
} from './certificates-under-test.ts'

vi.setConfig({ testTimeout: 120_000 })

const { rsa, ed25519, x25519 } = KEYS

test('OPA and this engine read the same requests and private keys', async () => {
  const exported = (key: KeyObject, type: 'pkcs1' | 'pkcs8' | 'sec1') =>
    String(key.export({ format: 'pem', type }))
  const { p256 } = KEYS
  const keys = [
    ...Object.values(KEYS).map(({ privateKey }) => exported(privateKey, 'pkcs8')),
    exported(rsa.privateKey, 'pkcs1'),
    exported(p256.privateKey, 'sec1'),
    exported(p256.privateKey, 'sec1') + exported(rsa.privateKey, 'pkcs8'),
    String(p256.publicKey.export({ format: 'pem', type: 'spki' })),
    exported(p256.privateKey, 'sec1')
      .replace('EC PRIVATE', 'RSA PRIVATE')
      .replace('EC PRIVATE', 'RSA PRIVATE'),
    exported(p256.privateKey, 'sec1').replaceAll('EC PRIVATE', 'PRIVATE'),
    exported(rsa.privateKey, 'pkcs1').replaceAll('RSA PRIVATE', 'PRIVATE'),
    exported(rsa.privateKey, 'pkcs1').replaceAll('RSA PRIVATE', 'EC PRIVATE'),
    exported(rsa.privateKey, 'pkcs8').replaceAll('PRIVATE', 'RSA PRIVATE'),
    exported(p256.privateKey, 'pkcs8').replaceAll('PRIVATE', 'EC PRIVATE'),
    '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n',
    'x',
    'AAAA',
    '',
  ]
  const texts = keys.flatMap((key) => [key, Buffer.from(key).toString('base64')])
  const attribute = (id: string, ...values: readonly Buffer[]) =>
    sequence(oid(id), tlv(0x31, ...values))
  const wanted = (...extensions: readonly Buffer[]) =>
    attribute('1.2.840.113549.1.9.14', sequence(...extensions))
  const challenge = attribute('1.2.840.113549.1.9.7', text(0x0c, 'secret'))
  const names = alternatives(dns('a.b'), ip(1, 2, 3, 4), email('a@b'), uri('http://x/y'))
  const usage = extension('2.5.29.15', bits(Buffer.from([0x80])))
  const requests = [
    [],
    [wanted(names)],
    [wanted(names, usage), challenge],
    [challenge],
    [wanted(authority(), names)],
    [wanted(names, names)],
    [wanted(alternatives(uri(':')))],
    [wanted()],
  ].map((attributes) => request(attributes))
  const label = 'CERTIFICATE REQUEST'
  const armoured = (der: Buffer, name = label) =>
    `-----BEGIN ${name}-----\n${der.toString('base64')}\n-----END ${name}-----\n`
  const [plain = Buffer.alloc(0)] = requests
  const requestTexts = [
    ...requests.map((der) => armoured(der)),
    ...requests.map((der) => der.toString('base64')),
    Buffer.from(armoured(plain)).toString('base64'),
    armoured(plain, 'CERTIFICATE'),
    Buffer.from(armoured(plain, 'CERTIFICATE')).toString('base64'),
    Buffer.concat([plain, Buffer.from([0])]).toString('base64'),
    certificate({}).toString('base64'),
    '',
    'x',
    'AAAA',
  ]
  const own = certificate({ ...ROOT, signer: p256.privateKey })
  const pairs = [
    [pem(own), exported(p256.privateKey, 'sec1')],
    [pem(own), exported(p256.privateKey, 'pkcs8')],
    [pem(own), exported(p256.privateKey, 'pkcs8').replaceAll('PRIVATE', 'RSA PRIVATE')],
    [
      pem(own, certificate({})),
      `${exported(p256.privateKey, 'sec1')}${exported(rsa.privateKey, 'pkcs8')}`,
    ],
    [pem(own), exported(rsa.privateKey, 'pkcs8')],
    [
      own.toString('base64'),
      p256.privateKey.export({ format: 'der', type: 'pkcs8' }).toString('base64'),
    ],
    [
      own.toString('base64'),
      p256.privateKey.export({ format: 'der', type: 'sec1' }).toString('base64'),
    ],
    [
      Buffer.from(pem(own)).toString('base64'),
      Buffer.from(exported(p256.privateKey, 'sec1')).toString('base64'),
    ],
    [pem(certificate({ key: rsa.publicKey })), exported(rsa.privateKey, 'pkcs1')],
    [pem(certificate({ key: ed25519.publicKey })), exported(ed25519.privateKey, 'pkcs8')],
    [pem(certificate({ key: x25519.publicKey })), exported(x25519.privateKey, 'pkcs8')],
    [exported(p256.privateKey, 'sec1'), pem(own)],
    [pem(own), pem(own)],
    [pem(own), ''],
    ['', exported(p256.privateKey, 'sec1')],
    ['x', 'y'],
    [pem(own), 1],
    [null, 'y'],
  ]
  const calls = [
    ...pairs.map(
      ([left, right]) =>
        `crypto.x509.parse_keypair(${JSON.stringify(left)}, ${JSON.stringify(right)})`,
    ),
    ...[...texts.map((key) => JSON.stringify(key)), '1', 'null', '[]'].flatMap((key) => [
      `crypto.parse_private_keys(${key})`,
      `crypto.x509.parse_rsa_private_key(${key})`,
    ]),
    ...[...requestTexts.map((key) => JSON.stringify(key)), '1', 'null', '[]'].map(
      (key) => `crypto.x509.parse_certificate_request(${key})`,
    ),
  ]
  expect(await differencesOf(calls)).toEqual([])
})
