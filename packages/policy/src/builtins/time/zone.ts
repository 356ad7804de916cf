import { readFileSync } from 'node:fs'

/** A place's clock: how far it is ahead of UTC, and what that is called there, such as `CEST`. */
export interface Zone {
  readonly name: string
  /** In seconds, at a time in seconds since 1970. */
  offsetAt(seconds: number): number
  abbreviationAt(seconds: number): string
}

/** An abbreviation that a zone uses for an offset, from a time on. */
interface Abbreviation {
  readonly name: string
  readonly offset: number
  readonly from: number
}

const OFFSET = /GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?$/

export const UTC: Zone = { name: 'UTC', offsetAt: () => 0, abbreviationAt: () => 'UTC' }

/**
 * What no Intl knows: each zone of the IANA time zone database (2026), and what it calls an offset.
 * A line is the zones, a tab, and `abbreviation:offset` with `@` and the time that it is so called
 * from, the latest one first; what is not listed is called by the offset itself, such as `+03`.
 */
const LINES = readFileSync(new URL('zone-names.txt', import.meta.url), 'utf8')
  .trimEnd()
  .split('\n')
const ABBREVIATIONS: ReadonlyMap<string, string> = new Map(
  LINES.flatMap((line) => {
    const [zones = '', abbreviations = ''] = line.split('\t')
    return zones.split(' ').map((zone) => [zone, abbreviations] as const)
  }),
)
/** At most one for each zone that exists. */
const known = new Map<string, Zone>()

/** The zone of this name, in which case counts; nothing where there is none. */
export function zoneOf(name: string): Zone | undefined {
  // A decision does not depend on where it is made: there, it is always UTC.
  if (name === '' || name === 'UTC' || name === 'Local') return UTC
  const abbreviations = ABBREVIATIONS.get(name)
  if (abbreviations === undefined) return undefined
  const zone = known.get(name) ?? zoneFrom(name, abbreviations.split(' ').flatMap(readAbbreviation))
  known.set(name, zone)
  return zone
}

function zoneFrom(name: string, abbreviations: readonly Abbreviation[]): Zone {
  const format = new Intl.DateTimeFormat('en-US', { timeZone: name, timeZoneName: 'longOffset' })
  const offsetAt = (seconds: number) => {
    const [, sign, hours = '', minutes = '', rest = '0'] =
      OFFSET.exec(format.format(seconds * 1000)) ?? []
    if (sign === undefined) return 0
    const size = Number(hours) * 3600 + Number(minutes) * 60 + Number(rest)
    return sign === '-' ? -size : size
  }
  return {
    name,
    offsetAt,
    abbreviationAt: (seconds) => {
      const offset = offsetAt(seconds)
      const found = abbreviations.find((one) => one.offset === offset && one.from <= seconds)
      return found?.name ?? offsetText(offset)
    },
  }
}

function readAbbreviation(text: string): Abbreviation[] {
  const [, name = '', sign, hours = '', minutes = '0', seconds = '0', from] =
    /^([^:]+):([+-])(\d\d)(\d\d)?(\d\d)?(?:@(-?\d+))?$/.exec(text) ?? []
  if (sign === undefined) return []
  const size = Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)
  const begin = from === undefined ? Number.NEGATIVE_INFINITY : Number(from)
  return [{ name, offset: sign === '-' ? -size : size, from: begin }]
}

function offsetText(offset: number): string {
  const size = Math.abs(offset)
  const minutes = Math.floor(size / 60) % 60
  const digits = (part: number) => String(part).padStart(2, '0')
  const text = `${offset < 0 ? '-' : '+'}${digits(Math.floor(size / 3600))}`
  return minutes === 0 ? text : text + digits(minutes)
}
