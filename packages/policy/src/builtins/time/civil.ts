import type { Zone } from './zone.ts'

const NS_PER_SECOND = 1_000_000_000n
const SECONDS_PER_DAY = 86_400
const INT64_MAX = 2n ** 63n - 1n

/** A moment as a clock and a calendar show it; the month of January is 1. */
export interface Civil {
  readonly year: number
  readonly month: number
  readonly day: number
  readonly hour: number
  readonly minute: number
  readonly second: number
  readonly nanosecond: number
}

/** A moment of 64 bits of nanoseconds, at a place. */
export interface Moment {
  readonly ns: bigint
  readonly zone: Zone
}

/** The seconds since 1970 of a moment, and what is left of it in nanoseconds. */
export function secondsOf(ns: bigint): readonly [seconds: number, nanoseconds: number] {
  const rest = ((ns % NS_PER_SECOND) + NS_PER_SECOND) % NS_PER_SECOND
  return [Number((ns - rest) / NS_PER_SECOND), Number(rest)]
}

export function civilOf({ ns, zone }: Moment): Civil {
  const [seconds, nanosecond] = secondsOf(ns)
  const local = seconds + zone.offsetAt(seconds)
  const clock = ((local % SECONDS_PER_DAY) + SECONDS_PER_DAY) % SECONDS_PER_DAY
  const date = new Date(local * 1000)
  return {
    year: date.getUTCFullYear(),
    month: date.getUTCMonth() + 1,
    day: date.getUTCDate(),
    hour: Math.floor(clock / 3600),
    minute: Math.floor(clock / 60) % 60,
    second: clock % 60,
    nanosecond,
  }
}

/** Days since 1970, of the year 0 too; months and days may be more than a year or a month has. */
export function dayOf(year: number, month: number, day: number): number {
  const years = year + Math.floor((month - 1) / 12)
  const ofYear = (((month - 1) % 12) + 12) % 12
  // Counted from March, so that the day of a leap year is the last one.
  const from = ofYear < 2 ? years - 1 : years
  const past = Math.floor((153 * ((ofYear + 10) % 12) + 2) / 5)
  const leaps = Math.floor(from / 4) - Math.floor(from / 100) + Math.floor(from / 400)
  return 365 * from + leaps + past + day - 1 - 719_468
}

export function weekdayOf({ year, month, day }: Civil): number {
  return (((dayOf(year, month, day) + 4) % 7) + 7) % 7
}

/** Of the days of the year the how many-th, from 1. */
export function yearDayOf({ year, month, day }: Civil): number {
  return dayOf(year, month, day) - dayOf(year, 1, 0)
}

export function daysIn(year: number, month: number): number {
  return dayOf(year, month + 1, 1) - dayOf(year, month, 1)
}

/** The seconds since 1970 that a clock shows as if it were UTC's. */
export function utcSecondsOf(civil: Civil): number {
  const { year, month, day, hour, minute, second } = civil
  return dayOf(year, month, day) * SECONDS_PER_DAY + hour * 3600 + minute * 60 + second
}

/** What a clock shows at a place, as a moment; where it shows it never or twice, as Go has it. */
export function momentOf(civil: Civil, zone: Zone): bigint | undefined {
  const seconds = utcSecondsOf(civil)
  const ns = nanosecondsOf(seconds, civil.nanosecond)
  // Not within a day of what 64 bits hold: the offset cannot be asked for, nor does it matter.
  if (ns === undefined) return undefined
  const offset = zone.offsetAt(seconds)
  return int64(ns - BigInt(offset === 0 ? 0 : zone.offsetAt(seconds - offset)) * NS_PER_SECOND)
}

/** Nothing where it, or what is within a day of it, is more than 64 bits. */
export function nanosecondsOf(seconds: number, nanosecond: number): bigint | undefined {
  if (!(Math.abs(seconds) < 1e10)) return undefined
  return BigInt(seconds) * NS_PER_SECOND + BigInt(nanosecond)
}

export function int64(ns: bigint): bigint | undefined {
  return ns <= INT64_MAX && ns >= -INT64_MAX - 1n ? ns : undefined
}
