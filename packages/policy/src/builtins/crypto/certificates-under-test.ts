import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'

type Bytes = Uint8Array

/** DER of a part with a tag. */
export function tlv(tag: number, ...parts: readonly Bytes[]): Buffer {
  const value = Buffer.concat(parts)
  const hex = value.length.toString(16)
  const length = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex')
  const head = value.length < 0x80 ? [tag, value.length] : [tag, 0x80 | length.length, ...length]
  return Buffer.concat([Buffer.from(head), value])
}

export const sequence = (...parts: readonly Bytes[]) => tlv(0x30, ...parts)
export const text = (tag: number, value: string) => tlv(tag, Buffer.from(value, 'latin1'))
export const boolean = (value: boolean) => tlv(1, Buffer.from([value ? 0xff : 0]))
export const bits = (value: Bytes, padding = 0) => tlv(3, Buffer.from([padding]), value)
export const octets = (...parts: readonly Bytes[]) => tlv(4, ...parts)

export function integer(value: number): Buffer {
  const hex = value.toString(16)
  const bytes = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex')
  return tlv(2, ...((bytes[0] ?? 0) >= 0x80 ? [Buffer.from([0])] : []), bytes)
}

export function oid(name: string): Buffer {
  const [first = 0, second = 0, ...rest] = name.split('.').map(Number)
  const bytes = [first * 40 + second, ...rest].flatMap((part) => {
    const groups = [part & 0x7f]
    for (let left = Math.floor(part / 128); left > 0; left = Math.floor(left / 128)) {
      groups.unshift((left & 0x7f) | 0x80)
    }
    return groups
  })
  return tlv(6, Buffer.from(bytes))
}

export function nameOf(common: string, tag = 0x0c): Buffer {
  return sequence(tlv(0x31, sequence(oid('2.5.4.3'), tlv(tag, Buffer.from(common, 'utf8')))))
}

export function extension(id: string, value: Bytes, isCritical = false): Buffer {
  return sequence(oid(id), ...(isCritical ? [boolean(true)] : []), octets(value))
}

export const authority = (most?: number) =>
  extension(
    '2.5.29.19',
    sequence(boolean(true), ...(most === undefined ? [] : [integer(most)])),
    true,
  )
export const alternatives = (...names: readonly Bytes[]) =>
  extension('2.5.29.17', sequence(...names))
export const usages = (...ids: readonly string[]) =>
  extension('2.5.29.37', sequence(...ids.map(oid)))
export const subtrees = (permitted: readonly Bytes[], excluded: readonly Bytes[] = []) =>
  extension(
    '2.5.29.30',
    sequence(
      ...(permitted.length > 0 ? [tlv(0xa0, ...permitted.map((name) => sequence(name)))] : []),
      ...(excluded.length > 0 ? [tlv(0xa1, ...excluded.map((name) => sequence(name)))] : []),
    ),
    true,
  )

export const KEYS = {
  p256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  p384: generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  rsa: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ed25519: generateKeyPairSync('ed25519'),
  x25519: generateKeyPairSync('x25519'),
} as const

const RSA = (id: string) => sequence(oid(`1.2.840.113549.1.1.${id}`), tlv(5))
export const ALGORITHMS = {
  ecdsa256: [sequence(oid('1.2.840.10045.4.3.2')), 'sha256'],
  ecdsa384: [sequence(oid('1.2.840.10045.4.3.3')), 'sha384'],
  ecdsa1: [sequence(oid('1.2.840.10045.4.1')), 'sha1'],
  rsa256: [RSA('11'), 'sha256'],
  rsa512: [RSA('13'), 'sha512'],
  rsa1: [RSA('5'), 'sha1'],
  ed25519: [sequence(oid('1.3.101.112')), null],
  unknown: [sequence(oid('1.2.3')), 'sha256'],
} as const

export interface Made {
  readonly subject?: Bytes
  readonly issuer?: Bytes
  readonly key?: KeyObject
  readonly signer?: KeyObject
  readonly algorithm?: keyof typeof ALGORITHMS
  readonly extensions?: readonly Bytes[]
  readonly version?: number
  readonly from?: string
  readonly until?: string
  readonly serial?: Bytes
  /** Bits at the end of the signature that are none of its own. */
  readonly padding?: number
}

/** A certificate in DER; a leaf of P-256 where nothing else is said. */
export function certificate(made: Made): Buffer {
  const { subject = nameOf('leaf'), issuer = nameOf('root'), version = 3, extensions = [] } = made
  const { key = KEYS.p256.publicKey, signer = KEYS.p256.privateKey, serial = integer(1) } = made
  const { algorithm = 'ecdsa256', from = '20200101000000Z', until = '20600101000000Z' } = made
  const [identifier, hash] = ALGORITHMS[algorithm]
  const content = sequence(
    ...(version === 1 ? [] : [tlv(0xa0, integer(version - 1))]),
    serial,
    identifier,
    issuer,
    sequence(...[from, until].map((time) => text(time.length === 13 ? 0x17 : 0x18, time))),
    subject,
    key.export({ format: 'der', type: 'spki' }),
    ...(extensions.length > 0 ? [tlv(0xa3, sequence(...extensions))] : []),
  )
  const { padding = 0 } = made
  const signature = sign(hash, content, signer)
  const padded = padding === 0 ? signature : Buffer.concat([signature, Buffer.from([0])])
  return sequence(content, identifier, bits(padded, padding))
}

/** A request for a certificate, in DER. */
export function request(attributes: readonly Bytes[]): Buffer {
  const [identifier, hash] = ALGORITHMS.ecdsa256
  const { publicKey, privateKey } = KEYS.p256
  const content = sequence(
    integer(0),
    nameOf('request'),
    publicKey.export({ format: 'der', type: 'spki' }),
    tlv(0xa0, ...attributes),
  )
  return sequence(content, identifier, bits(sign(hash, content, privateKey)))
}

/** Certificates that make a chain. */
export const ROOT: Made = { subject: nameOf('root'), extensions: [authority()] }
export const INTER: Made = {
  subject: nameOf('inter'),
  key: KEYS.p384.publicKey,
  extensions: [authority()],
}
export const LEAF: Made = {
  issuer: nameOf('inter'),
  signer: KEYS.p384.privateKey,
  algorithm: 'ecdsa384',
}
/** Names for `alternatives` and `subtrees`. */
export const dns = (name: string) => text(0x82, name)
export const email = (name: string) => text(0x81, name)
export const uri = (name: string) => text(0x86, name)
export const ip = (...bytes: readonly number[]) => tlv(0x87, Buffer.from(bytes))

export const pem = (...certificates: readonly Buffer[]) =>
  certificates
    .map(
      (der) =>
        `-----BEGIN CERTIFICATE-----\n${der.toString('base64')}\n-----END CERTIFICATE-----\n`,
    )
    .join('')
