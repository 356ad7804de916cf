import { type Civil, civilOf, type Moment, secondsOf, weekdayOf, yearDayOf } from './civil.ts'
import { chunksOf, type Element, FRACTION_COUNTS } from './layout.ts'
import { MONTHS, WEEKDAYS } from './names.ts'

/** A moment by a layout of Go's `time`. */
export function formatTime(moment: Moment, layout: string): string {
  const civil = civilOf(moment)
  let out = ''
  for (const { prefix, element, text } of chunksOf(layout)) {
    out += prefix
    if (element !== undefined) out += shown(element, text, civil, moment)
  }
  return out
}

function shown(element: Element, text: string, civil: Civil, moment: Moment): string {
  switch (element) {
    case 'zoneName':
      return moment.zone.abbreviationAt(secondsOf(moment.ns)[0])
    case 'offset':
      return shownOffset(text, moment.zone.offsetAt(secondsOf(moment.ns)[0]))
    case 'fraction0':
    case 'fraction9':
      return shownFraction(text, civil.nanosecond)
    default:
      return SHOWN[element](civil)
  }
}

const SHOWN: Readonly<
  Record<
    Exclude<Element, 'zoneName' | 'offset' | 'fraction0' | 'fraction9'>,
    (civil: Civil) => string
  >
> = {
  longMonth: ({ month }) => MONTHS[month - 1] ?? '',
  month: ({ month }) => (MONTHS[month - 1] ?? '').slice(0, 3),
  numMonth: ({ month }) => String(month),
  zeroMonth: ({ month }) => padded(month, 2),
  longWeekday: (civil) => WEEKDAYS[weekdayOf(civil)] ?? '',
  weekday: (civil) => (WEEKDAYS[weekdayOf(civil)] ?? '').slice(0, 3),
  day: ({ day }) => String(day),
  underDay: ({ day }) => String(day).padStart(2, ' '),
  zeroDay: ({ day }) => padded(day, 2),
  underYearDay: (civil) => String(yearDayOf(civil)).padStart(3, ' '),
  zeroYearDay: (civil) => padded(yearDayOf(civil), 3),
  hour: ({ hour }) => padded(hour, 2),
  hour12: ({ hour }) => String(hour % 12 || 12),
  zeroHour12: ({ hour }) => padded(hour % 12 || 12, 2),
  minute: ({ minute }) => String(minute),
  zeroMinute: ({ minute }) => padded(minute, 2),
  second: ({ second }) => String(second),
  zeroSecond: ({ second }) => padded(second, 2),
  longYear: ({ year }) => padded(year, 4),
  shortYear: ({ year }) => padded(year % 100, 2),
  PM: ({ hour }) => (hour >= 12 ? 'PM' : 'AM'),
  pm: ({ hour }) => (hour >= 12 ? 'pm' : 'am'),
}

function shownOffset(layout: string, offset: number): string {
  if (offset === 0 && layout.startsWith('Z')) return 'Z'
  const minutes = Math.trunc(offset / 60)
  const size = Math.abs(minutes)
  const colon = layout.includes(':') ? ':' : ''
  let out = `${minutes < 0 ? '-' : '+'}${padded(Math.floor(size / 60), 2)}`
  if (layout.length > 3) out += colon + padded(size % 60, 2)
  // Less than a minute behind UTC has the sign here, as Go has it.
  if (layout.length > 6) out += colon + padded((minutes < 0 ? -offset : offset) % 60, 2)
  return out
}

function shownFraction(layout: string, nanosecond: number): string {
  const count = (layout.length - 1) % FRACTION_COUNTS
  const isTrimmed = layout[1] === '9'
  if (isTrimmed && (count === 0 || nanosecond === 0)) return ''
  const digits = padded(nanosecond, 9).slice(0, count)
  const kept = isTrimmed ? digits.replace(/0+$/, '') : digits
  return isTrimmed && kept === '' ? '' : `${layout[0]}${kept}`
}

function padded(value: number, width: number): string {
  return value < 0 ? `-${padded(-value, width)}` : String(value).padStart(width, '0')
}
