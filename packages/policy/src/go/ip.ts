/** Addresses and networks as Go's `net` package reads and writes them. */

const V4_BITS = 32
const V6_BITS = 128
const V4_PREFIX = 0xffffn

/** 128 bits; an IPv4 address is the IPv6 address that it is mapped to. */
export type Address = bigint

export interface Network {
  readonly first: Address
  /** Bits of the prefix, of 32 for IPv4 and of 128 for IPv6. */
  readonly ones: number
  readonly bits: 32 | 128
}

export function isV4(address: Address): boolean {
  return address >> 32n === V4_PREFIX
}

export function parseAddress(text: string): { address: Address; bits: 32 | 128 } | undefined {
  if (!text.includes(':')) {
    const v4 = parseV4(text)
    return v4 === undefined ? undefined : { address: (V4_PREFIX << 32n) | v4, bits: V4_BITS }
  }
  const address = parseV6(text)
  return address === undefined ? undefined : { address, bits: V6_BITS }
}

export function parseNetwork(text: string): Network | undefined {
  const slash = text.indexOf('/')
  const mask = text.slice(slash + 1)
  const parsed = slash < 0 ? undefined : parseAddress(text.slice(0, slash))
  // Go gives up on masks that a loop of digits makes too large, whatever zeros they begin with.
  if (parsed === undefined || !/^\d+$/.test(mask) || Number(mask) > parsed.bits) return undefined
  return {
    first: lowest(parsed.address, parsed.bits, Number(mask)),
    ones: Number(mask),
    bits: parsed.bits,
  }
}

export function lowest(address: Address, bits: number, ones: number): Address {
  const host = BigInt(bits - ones)
  return (address >> host) << host
}

export function lastOf({ first, bits, ones }: Network): Address {
  return first | ((1n << BigInt(bits - ones)) - 1n)
}

export function networkText({ first, ones, bits }: Network): string {
  // Of a mapped IPv4 network, Go shows the last 32 bits of the mask.
  const shown = bits === V6_BITS && isV4(first) ? Math.max(ones - 96, 0) : ones
  return `${addressText(first)}/${shown}`
}

export function addressText(address: Address): string {
  if (isV4(address)) {
    return [24n, 16n, 8n, 0n].map((shift) => (address >> shift) & 0xffn).join('.')
  }
  const groups = Array.from({ length: 8 }, (_, at) =>
    ((address >> BigInt(112 - at * 16)) & 0xffffn).toString(16),
  )
  const { start, length } = longestZeros(groups)
  if (length < 2) return groups.join(':')
  return `${groups.slice(0, start).join(':')}::${groups.slice(start + length).join(':')}`
}

function longestZeros(groups: readonly string[]): { start: number; length: number } {
  let best = { start: 0, length: 0 }
  let run = 0
  for (const [at, group] of groups.entries()) {
    run = group === '0' ? run + 1 : 0
    if (run > best.length) best = { start: at - run + 1, length: run }
  }
  return best
}

function parseV4(text: string): bigint | undefined {
  const parts = text.split('.')
  if (parts.length !== 4 || !parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part)))
    return undefined
  if (parts.some((part) => Number(part) > 255)) return undefined
  return parts.reduce((sum, part) => (sum << 8n) | BigInt(part), 0n)
}

function parseV6(text: string): Address | undefined {
  const [head = '', tail, more] = text.split('::')
  if (more !== undefined) return undefined
  const before = groupsOf(head, tail === undefined)
  const after = tail === undefined ? [] : groupsOf(tail, true)
  if (before === undefined || after === undefined) return undefined
  const missing = 8 - before.length - after.length
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined
  const groups = [...before, ...Array<bigint>(tail === undefined ? 0 : missing).fill(0n), ...after]
  return groups.reduce((sum, group) => (sum << 16n) | group, 0n)
}

/** Groups of 16 bits; the last may be an IPv4 address, which is two. */
function groupsOf(text: string, isEnd: boolean): bigint[] | undefined {
  if (text === '') return []
  const parts = text.split(':')
  const last = parts.at(-1) ?? ''
  const v4 = isEnd && last.includes('.') ? parseV4(last) : undefined
  const hex = v4 === undefined ? parts : parts.slice(0, -1)
  if (!hex.every((part) => /^[0-9a-f]{1,4}$/i.test(part))) return undefined
  const groups = hex.map((part) => BigInt(`0x${part}`))
  return v4 === undefined ? groups : [...groups, v4 >> 16n, v4 & 0xffffn]
}
