import { isIP } from 'node:net'
import type { Value } from '../../value/value.ts'
import { addressOf } from './alternative-names.ts'
import { contextTag, Der, malformed, TAG } from './der.ts'
import { ia5, slice, struct } from './names.ts'
import { isDomain } from './uri.ts'

export interface Range {
  readonly ip: Buffer
  readonly mask: Buffer
}

/** Names that certificates below may have, or must not. */
export interface Subtrees {
  readonly dns: readonly string[]
  readonly ranges: readonly Range[]
  readonly emails: readonly string[]
  readonly uris: readonly string[]
}

export interface NameConstraints {
  readonly permitted: Subtrees
  readonly excluded: Subtrees
  /** Whether it constrains no other kinds of names. */
  readonly isComplete: boolean
  readonly members: Readonly<Record<string, Value>>
}

/** @throws {BuiltinError} */
export function nameConstraints(bytes: Buffer): NameConstraints {
  const outer = new Der(bytes)
  const der = outer.inner(TAG.sequence)
  const permittedDer = der.optional(contextTag(0, true))
  const excludedDer = der.optional(contextTag(1, true))
  if (!outer.isEmpty || !der.isEmpty) throw malformed()
  if ((permittedDer?.isEmpty ?? true) && (excludedDer?.isEmpty ?? true)) throw malformed()
  const [permitted, isFirstComplete] = subtreesOf(permittedDer)
  const [excluded, isSecondComplete] = subtreesOf(excludedDer)
  return {
    permitted,
    excluded,
    isComplete: isFirstComplete && isSecondComplete,
    members: { ...membersOf('Permitted', permitted), ...membersOf('Excluded', excluded) },
  }
}

function membersOf(prefix: string, subtrees: Subtrees): Readonly<Record<string, Value>> {
  const ranges = subtrees.ranges.map(({ ip, mask }) =>
    struct({ IP: addressOf(ip).text, Mask: mask.toString('base64') }),
  )
  return {
    [`${prefix}DNSDomains`]: slice(subtrees.dns),
    [`${prefix}IPRanges`]: slice(ranges),
    [`${prefix}EmailAddresses`]: slice(subtrees.emails),
    [`${prefix}URIDomains`]: slice(subtrees.uris),
  }
}

function subtreesOf(der: Der | undefined): readonly [subtrees: Subtrees, isComplete: boolean] {
  const dns: string[] = []
  const ranges: Range[] = []
  const emails: string[] = []
  const uris: string[] = []
  let isComplete = true
  while (der !== undefined && !der.isEmpty) {
    const { tag, value } = der.inner(TAG.sequence).any()
    if (tag === contextTag(1)) emails.push(emailOf(ia5(value)))
    else if (tag === contextTag(2)) dns.push(domainOf(ia5(value)))
    else if (tag === contextTag(6)) uris.push(hostOf(ia5(value)))
    else if (tag === contextTag(7)) ranges.push(rangeOf(value))
    else isComplete = false
  }
  return [{ dns, ranges, emails, uris }, isComplete]
}

function domainOf(text: string): string {
  if (!isDomain(text, true)) throw malformed()
  return text
}

function hostOf(text: string): string {
  if (isIP(text) !== 0) throw malformed()
  return domainOf(text)
}

function emailOf(text: string): string {
  const at = text.lastIndexOf('@')
  if (at < 0) return domainOf(text)
  if (at === 0 || !isDomain(text.slice(at + 1), false)) throw malformed()
  return text
}

function rangeOf(value: Buffer): Range {
  if (value.length !== 8 && value.length !== 32) throw malformed()
  const middle = value.length / 2
  const [ip, mask] = [value.subarray(0, middle), value.subarray(middle)]
  const bits = [...mask].map((byte) => byte.toString(2).padStart(8, '0')).join('')
  if (!/^1*0*$/.test(bits)) throw malformed()
  return { ip, mask }
}
