import { type Cursor, Mismatch } from './cursor.ts'
import { type Element, FRACTION_COUNTS } from './layout.ts'
import { MONTHS, WEEKDAYS } from './names.ts'

/** What is read so far, as Go's `time.Parse` keeps it. */
export interface Read {
  year: number
  month?: number
  day?: number
  yearDay?: number
  hour: number
  minute: number
  second: number
  nanosecond: number
  half?: 'AM' | 'PM'
  isUtc: boolean
  offset?: number
}

type Reader = (cursor: Cursor, read: Read, text: string) => void

export const READERS: Readonly<Record<Element, Reader>> = {
  longMonth: (cursor, read) => {
    read.month = named(cursor, MONTHS) + 1
  },
  month: (cursor, read) => {
    read.month = named(cursor, SHORT_MONTHS) + 1
  },
  numMonth: (cursor, read) => {
    read.month = within(cursor.take(/\d\d?/y), 1, 12)
  },
  zeroMonth: (cursor, read) => {
    read.month = within(cursor.take(/\d\d/y), 1, 12)
  },
  longWeekday: (cursor) => void named(cursor, WEEKDAYS),
  weekday: (cursor) => void named(cursor, SHORT_WEEKDAYS),
  day: (cursor, read) => {
    read.day = within(cursor.take(/\d\d?/y), 0, 99)
  },
  underDay: (cursor, read) => {
    read.day = within(cursor.take(/ ?\d\d?/y), 0, 99)
  },
  zeroDay: (cursor, read) => {
    read.day = within(cursor.take(/\d\d/y), 0, 99)
  },
  underYearDay: (cursor, read) => {
    read.yearDay = within(cursor.take(/ {0,2}\d{1,3}/y), 0, 999)
  },
  zeroYearDay: (cursor, read) => {
    read.yearDay = within(cursor.take(/\d{3}/y), 0, 999)
  },
  hour: (cursor, read) => {
    read.hour = within(cursor.take(/\d\d?/y), 0, 23)
  },
  hour12: (cursor, read) => {
    read.hour = within(cursor.take(/\d\d?/y), 0, 12)
  },
  zeroHour12: (cursor, read) => {
    read.hour = within(cursor.take(/\d\d/y), 0, 12)
  },
  minute: (cursor, read) => {
    read.minute = within(cursor.take(/\d\d?/y), 0, 59)
  },
  zeroMinute: (cursor, read) => {
    read.minute = within(cursor.take(/\d\d/y), 0, 59)
  },
  second: (cursor, read) => {
    read.second = within(cursor.take(/\d\d?/y), 0, 59)
  },
  zeroSecond: (cursor, read) => {
    read.second = within(cursor.take(/\d\d/y), 0, 59)
  },
  longYear: (cursor, read) => {
    read.year = within(cursor.take(/\d{4}/y), 0, 9999)
  },
  shortYear: (cursor, read) => {
    const year = within(cursor.take(/\d\d|[+-]\d/y), -9, 99)
    read.year = year + (year >= 69 ? 1900 : 2000)
  },
  PM: (cursor, read) => {
    read.half = cursor.take(/[AP]M/y)[0] as 'AM' | 'PM'
  },
  pm: (cursor, read) => {
    read.half = cursor.take(/[ap]m/y)[0].toUpperCase() as 'AM' | 'PM'
  },
  zoneName: (cursor, read) => {
    if (cursor.took(/UTC/y) !== undefined) read.isUtc = true
    else takeZoneName(cursor)
  },
  offset: (cursor, read, text) => {
    if (text.startsWith('Z') && cursor.took(/Z/y) !== undefined) read.isUtc = true
    else read.offset = readOffset(cursor, text)
  },
  fraction0: (cursor, read, text) => {
    const { at } = cursor
    cursor.take(/[.,]/y)
    cursor.at = at + 1 + ((text.length - 1) % FRACTION_COUNTS)
    if (cursor.at > cursor.text.length) throw new Mismatch()
    read.nanosecond = nanoseconds(cursor.text.slice(at, cursor.at))
  },
  fraction9: (cursor, read) => {
    const fraction = cursor.took(/[.,]\d+/y)
    if (fraction !== undefined) read.nanosecond = nanoseconds(fraction[0])
  },
}

const SHORT_MONTHS = MONTHS.map((name) => name.slice(0, 3))
const SHORT_WEEKDAYS = WEEKDAYS.map((name) => name.slice(0, 3))

function named(cursor: Cursor, names: readonly string[]): number {
  const rest = cursor.text.slice(cursor.at, cursor.at + 'September'.length).toLowerCase()
  const found = names.findIndex((name) => rest.startsWith(name.toLowerCase()))
  if (found < 0) throw new Mismatch()
  cursor.at += names[found]?.length ?? 0
  return found
}

function within([text]: RegExpExecArray, least: number, most: number): number {
  const value = Number(text)
  if (value < least || value > most) throw new Mismatch()
  return value
}

/** Nine digits count; fewer may have a sign, as Go reads them. */
export function nanoseconds(fraction: string): number {
  const shown = fraction.slice(1, 10)
  const [, digits = ''] = /^(?:\+?(\d*)|-0*)$/.exec(shown) ?? [undefined, 'none']
  if (digits === 'none') throw new Mismatch()
  return Number(digits) * 10 ** (9 - shown.length)
}

/** The longer ones first: what a layout has, the text must have. */
function readOffset(cursor: Cursor, layout: string): number {
  const form = layout.slice(1).replaceAll(/\d\d/g, '(\\d\\d)')
  const [, sign, hours = '', minutes = '0', seconds = '0'] = cursor.take(
    new RegExp(`([+-])${form}`, 'y'),
  )
  if (Number(hours) > 24 || Number(minutes) > 60 || Number(seconds) > 60) throw new Mismatch()
  const size = (Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)
  return sign === '-' ? -size : size
}

function takeZoneName(cursor: Cursor): void {
  if (cursor.text.length - cursor.at < 3) throw new Mismatch()
  if (cursor.took(/ChST|MeST/y) !== undefined) return
  if (cursor.took(/GMT/y) !== undefined) {
    cursor.took(/[+-]0*(?:2[0-3]|1?\d)(?!\d)/y)
    return
  }
  if (cursor.took(/[+-]0*(?:2[0-3]|1?\d)(?!\d)/y) !== undefined) return
  cursor.take(/(?:[A-Z]{4}T|[A-Z]{3}T|WITA|[A-Z]{3})(?![A-Z])/y)
}
