import { addressText } from '../../go/ip.ts'
import { contextTag, Der, malformed, TAG } from './der.ts'
import { ia5 } from './names.ts'
import { type Uri, uriOf } from './uri.ts'

export interface IpAddress {
  readonly bytes: Buffer
  readonly text: string
}

/** The names besides its subject that a certificate is for. */
export interface AlternativeNames {
  readonly dns: readonly string[]
  readonly emails: readonly string[]
  readonly addresses: readonly IpAddress[]
  readonly uris: readonly Uri[]
}

/** @throws {BuiltinError} */
export function alternativeNames(bytes: Buffer): AlternativeNames {
  const dns: string[] = []
  const emails: string[] = []
  const addresses: IpAddress[] = []
  const uris: Uri[] = []
  const sequence = new Der(bytes).inner(TAG.sequence)
  while (!sequence.isEmpty) {
    const { tag, value } = sequence.any()
    if (tag === contextTag(1)) emails.push(ia5(value))
    else if (tag === contextTag(2)) dns.push(ia5(value))
    else if (tag === contextTag(6)) uris.push(uriOf(ia5(value)))
    else if (tag === contextTag(7)) addresses.push(addressOf(value))
  }
  return { dns, emails, addresses, uris }
}

/** Of 4 or 16 bytes. @throws {BuiltinError} */
export function addressOf(bytes: Buffer): IpAddress {
  if (bytes.length === 4) return { bytes, text: [...bytes].join('.') }
  if (bytes.length !== 16) throw malformed()
  return { bytes, text: addressText(BigInt(`0x${bytes.toString('hex')}`)) }
}
