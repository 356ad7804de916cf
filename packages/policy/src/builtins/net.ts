import {
  type Address,
  addressText,
  isV4,
  lastOf,
  lowest,
  type Network,
  networkText,
  parseAddress,
  parseNetwork,
} from '../go/ip.ts'
import { setOf } from '../value/compare.ts'
import { isArray, isObject, isSet, type Value } from '../value/value.ts'
import { BuiltinError, type Builtins } from './builtin.ts'
import { membersOf, stringOf } from './operands.ts'

type Spend = (units: number) => void

export const netBuiltins: Builtins = {
  'net.cidr_is_valid': (_, text) => typeof text === 'string' && parseNetwork(text) !== undefined,
  'net.cidr_expand': (evaluation, text) => {
    const network = networkOf(text)
    // A /16 of IPv4 is what the usual budget allows.
    evaluation.spend(2 ** (network.bits - network.ones) * 200)
    const last = lastOf(network)
    const addresses: string[] = []
    for (let at = network.first; at <= last; at++) addresses.push(addressText(at))
    return setOf(addresses)
  },
  'net.cidr_contains_matches': (evaluation, wholes, parts) =>
    matches(wholes as Value, parts as Value, (units) => evaluation.spend(units)),
  'net.cidr_merge': (_, networks) => setOf(merged(membersOf(networks).map(networkOrAddress))),
}

export function networkOf(text: Value | undefined): Network {
  const network = parseNetwork(stringOf(text))
  if (network === undefined) throw new BuiltinError('the operand is no CIDR')
  return network
}

function matches(wholes: Value, parts: Value, spend: Spend): Value {
  const [left, right] = [indexed(wholes), indexed(parts)]
  spend(left.length * right.length * 256)
  const found: Value[] = []
  for (const [whole, wholeIndex] of left) {
    for (const [part, partIndex] of right) {
      if (contains(networkOf(cidrOf(whole)), stringOf(cidrOf(part)))) {
        found.push([wholeIndex, partIndex])
      }
    }
  }
  return setOf(found)
}

/** What names a network, each with what the answer says for it. */
function indexed(networks: Value): (readonly [network: Value, index: Value])[] {
  if (typeof networks === 'string') return [[networks, networks]]
  if (isArray(networks)) return networks.map((network, at) => [network, at])
  if (isSet(networks)) return [...networks].map((network) => [network, network])
  return isObject(networks) ? [...networks].map(([key, network]) => [network, key]) : []
}

/** A network is a text, or the first of several things in an array. */
function cidrOf(value: Value): Value | undefined {
  if (isArray(value) && value.length > 0) return value[0]
  return stringOf(value)
}

export function contains(whole: Network, text: string): boolean {
  const address = parseAddress(text)
  const part = address === undefined ? parseNetwork(text) : undefined
  if (address !== undefined) return holds(whole, address.address)
  if (part === undefined) throw new BuiltinError('the operand is no address and no CIDR')
  if (isPlainV6(whole) && isPlainV6(part)) {
    return whole.ones <= part.ones && lowest(part.first, 128, whole.ones) === whole.first
  }
  return holds(whole, part.first) && holds(whole, lastOf(part))
}

function isPlainV6({ first, bits }: Network): boolean {
  return bits === 128 && !isV4(first)
}

/** A network of one version of IP holds no address of the other. */
export function holds(network: Network, address: Address): boolean {
  const isSame = isV4(network.first) === isV4(address)
  return isSame && network.first <= address && address <= lastOf(network)
}

interface Range {
  readonly first: Address
  readonly last: Address
  /** As it was given, where it has not been joined with another. */
  readonly text?: string
}

/** An IPv4 address alone stands for the network of its class, as Go has it. */
function networkOrAddress(value: Value): Range {
  const text = stringOf(value)
  const parsed = parseAddress(text)
  if (parsed === undefined) {
    const network = networkOf(value)
    return { first: network.first, last: lastOf(network), text: networkText(network) }
  }
  const { address } = parsed
  if (!isV4(address)) throw new BuiltinError('an IPv6 address needs the length of its prefix')
  const lead = Number((address >> 24n) & 0xffn)
  const ones = lead < 128 ? 8 : lead < 192 ? 16 : 24
  const first = lowest(address, 32, ones)
  const last = lastOf({ first, ones, bits: 32 })
  return { first, last, text: `${addressText(address)}/${ones}` }
}

/** Joins, from the last range to the first, those that touch or overlap. */
function merged(ranges: readonly Range[]): string[] {
  const sorted = [...ranges].sort((a, b) => order(a.last, b.last) || order(a.first, b.first))
  for (let at = sorted.length - 1; at > 0; at--) {
    const [before, range] = [sorted[at - 1] as Range, sorted[at] as Range]
    const isLowest = range.first === 0n || range.first === 0xffffn << 32n
    if (range.first - (isLowest ? 0n : 1n) > before.last) continue
    const first = order(before.first, range.first) < 0 ? before.first : range.first
    sorted.splice(at - 1, 2, { first, last: range.last })
  }
  return sorted.flatMap((range) => range.text ?? covering(range))
}

function order(a: Address, b: Address): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** The fewest networks that make up a range. */
function covering({ first, last }: Range): string[] {
  const bits = isV4(first) ? 32 : 128
  const networks: string[] = []
  for (let at = first; at <= last; ) {
    let host = 0
    while (host < bits && fits(at, host + 1, last)) host++
    networks.push(networkText({ first: at, ones: bits - host, bits }))
    at += 1n << BigInt(host)
  }
  return networks
}

function fits(first: Address, host: number, last: Address): boolean {
  const size = 1n << BigInt(host)
  return first % size === 0n && first + size - 1n <= last
}
