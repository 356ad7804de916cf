import { type LookupAddress, lookup } from 'node:dns'
import { lookup as lookupAll } from 'node:dns/promises'
import { BlockList, type LookupFunction } from 'node:net'
import { messageOf } from '@verdict/contract'
import { setOf } from '../value/compare.ts'
import type { Reach } from './hosts.ts'
import { FailureCode, FetchFailure, type Reply } from './question.ts'

/** What an address takes, as text. */
const ADDRESS_BYTES = 40

/** IPv4 that is no part of the Internet (IANA's registry of special-purpose addresses). */
const SPECIAL_V4 = [
  ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16'],
  ...['172.16.0.0/12', '192.0.0.0/24', '192.0.2.0/24', '192.88.99.0/24', '192.168.0.0/16'],
  ...['198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24', '224.0.0.0/4', '240.0.0.0/4'],
]
/** Of IPv6, all that is not global unicast, and what carries IPv4 within it. */
const SPECIAL_V6 = ['::/3', '4000::/2', '8000::/1', '2001::/23', '2001:db8::/32', '2002::/16']

// One list for each: in a list of both, IPv4 is also looked for among the mapped addresses of IPv6.
const SPECIAL = { ipv4: listOf(SPECIAL_V4, 'ipv4'), ipv6: listOf(SPECIAL_V6, 'ipv6') }

function listOf(networks: readonly string[], family: 'ipv4' | 'ipv6'): BlockList {
  const list = new BlockList()
  for (const network of networks) {
    const [first = '', ones] = network.split('/')
    list.addSubnet(first, Number(ones), family)
  }
  return list
}

/** Whether an address is of the Internet, rather than of this machine or a network around it. */
export function isPublic({ address, family }: LookupAddress): boolean {
  const version = family === 6 ? 'ipv6' : 'ipv4'
  return !SPECIAL[version].check(address, version)
}

/**
 * Finds the addresses of a host while it is connected to, so that what is looked at is what is
 * used. A host that is listed by its own name may be anywhere. Whoever owns a suffix can let any
 * name of it lead to any address: only public ones count.
 */
export function lookupFor(reach: Reach): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      if (error !== null) return callback(error, [])
      const addresses = reach === 'listed' ? found : found.filter(isPublic)
      const [first] = addresses
      if (first === undefined) {
        const why = `${hostname} has no public address: allow it by its own name`
        return callback(new Error(why), [])
      }
      if (options.all) return callback(null, addresses)
      return callback(null, first.address, first.family)
    })
  }
}

/** What `net.lookup_ip_addr` gives: as the system finds them, wherever they are. */
export async function addressesOf(hostname: string): Promise<Reply> {
  try {
    const found = await lookupAll(hostname, { all: true })
    const value = setOf(found.map(({ address }) => address))
    return { value, bytes: found.length * ADDRESS_BYTES }
  } catch (cause) {
    return { failure: new FetchFailure(FailureCode.network, messageOf(cause), { cause }) }
  }
}
