import { addressText, parseAddress } from '../go/ip.ts'

/** More hosts than this are a list that nobody has read. */
const HOSTS_MAX = 256
const ENTRY =
  /^(?<name>\[[0-9a-f:.]+\]|(?:\*\.)?[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?)(?::(?<port>\d{1,5}))?$/i
/** A suffix that is a number could stand for an address, as `127.1` does. */
const NUMBER = /^[\d.]+$/
const PORT_MAX = 65_535

/**
 * How a host may be reached: `listed` by its own name, at any address; `suffix`, as one of many
 * that somebody else may name, at public addresses alone.
 */
export type Reach = 'listed' | 'suffix'

interface Entry {
  /** In lower case; an address as Go writes it; of a suffix what follows the `*`. */
  readonly name: string
  readonly isSuffix: boolean
  /** Undefined for the port of the scheme. */
  readonly port: number | undefined
}

/** The hosts that policies may ask: `host[:port]`, exact names and addresses, or `*.suffix`. */
export class AllowedHosts {
  readonly #entries: readonly Entry[]

  /** Nothing where one of the texts is none. */
  static parse(texts: readonly string[]): AllowedHosts | undefined {
    const entries = texts.map(entryOf)
    const known = entries.filter((entry) => entry !== undefined)
    const isWhole = known.length === entries.length && known.length <= HOSTS_MAX
    return isWhole ? new AllowedHosts(known) : undefined
  }

  private constructor(entries: readonly Entry[]) {
    this.#entries = entries
  }

  /** Whether requests may go there; by a name without a port only to the port of the scheme. */
  reach(hostname: string, port: number, schemePort: number): Reach | undefined {
    return this.#find(hostname, (entry) => port === (entry.port ?? schemePort))
  }

  /** Whether its addresses may be asked for. */
  names(hostname: string): boolean {
    return this.#find(hostname, () => true) !== undefined
  }

  #find(hostname: string, fits: (entry: Entry) => boolean): Reach | undefined {
    const name = hostNameOf(hostname)
    const is = (entry: Entry) =>
      (entry.isSuffix ? name.endsWith(entry.name) : name === entry.name) && fits(entry)
    const found = this.#entries.filter(is)
    if (found.length === 0) return undefined
    return found.some(({ isSuffix }) => !isSuffix) ? 'listed' : 'suffix'
  }
}

function entryOf(text: string): Entry | undefined {
  const { name = '', port } = ENTRY.exec(text)?.groups ?? {}
  const isSuffix = name.startsWith('*.')
  const number = port === undefined ? undefined : Number(port)
  if (name === '' || number === 0 || (number ?? 1) > PORT_MAX) return undefined
  if (isSuffix) {
    if (NUMBER.test(name.slice(1))) return undefined
    return { name: name.slice(1).toLowerCase(), isSuffix, port: number }
  }
  const isLiteral = name.startsWith('[')
  const host = isLiteral ? name.slice(1, -1) : name
  if (isLiteral && parseAddress(host)?.bits !== 128) return undefined
  return { name: hostNameOf(host), isSuffix, port: number }
}

/** One text for each host: names in lower case, addresses as Go writes them. */
function hostNameOf(hostname: string): string {
  const parsed = parseAddress(hostname)
  return parsed === undefined ? hostname.toLowerCase() : addressText(parsed.address)
}
