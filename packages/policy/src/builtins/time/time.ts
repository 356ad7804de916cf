import { parseFraction } from '../../go/fraction.ts'
import { integerOf, isArray, isNumber, textOf, type Value } from '../../value/value.ts'
import { BuiltinError, type Builtins, type Evaluation } from '../builtin.ts'
import { int64Of, numberOperand, stringOf, wrongType } from '../operands.ts'
import { civilOf, dayOf, int64, type Moment, momentOf, weekdayOf } from './civil.ts'
import { parseDuration } from './duration.ts'
import { formatTime } from './format.ts'
import { NAMED_LAYOUTS } from './layout.ts'
import { WEEKDAYS } from './names.ts'
import { parseTime } from './parse.ts'
import { UTC, zoneOf } from './zone.ts'

/** What it costs to ask for the offset of a zone, in units. */
const UNITS_PER_ZONE = 1_000
/** What it costs to look at a character of a layout. */
const UNITS_PER_CHARACTER = 50
/** The elements of a layout for which a zone is asked. */
const ZONE_ELEMENTS = /MST|[-Z]07/g
/** The bits of the floats in which OPA reads a time. */
const MANTISSA_BITS = 64n
/** No date of 64 bits is so many years, months or days from another one. */
const DISTANCE_MAX = 10n ** 12n

export const timeBuiltins: Builtins = {
  'time.now_ns': (evaluation) => integerOf(evaluation.nowNs),
  'time.parse_ns': (evaluation, layout, text) =>
    parsed(evaluation, layoutOf(stringOf(layout)), stringOf(text)),
  'time.parse_rfc3339_ns': (evaluation, text) =>
    parsed(evaluation, layoutOf('RFC3339'), stringOf(text)),
  'time.parse_duration_ns': (evaluation, text) => {
    evaluation.spend(stringOf(text).length)
    return integerOf(parseDuration(stringOf(text)))
  },
  'time.format': (evaluation, time) => {
    const { moment, layout } = timeOf(evaluation, time)
    evaluation.spend(layout.length * UNITS_PER_CHARACTER)
    if (moment.zone !== UTC)
      evaluation.spend((layout.match(ZONE_ELEMENTS) ?? []).length * UNITS_PER_ZONE)
    return formatTime(moment, layout === '' ? layoutOf('RFC3339Nano') : layoutOf(layout))
  },
  'time.date': (evaluation, time) => {
    const { year, month, day } = civilOf(timeOf(evaluation, time).moment)
    return [year, month, day]
  },
  'time.clock': (evaluation, time) => {
    const { hour, minute, second } = civilOf(timeOf(evaluation, time).moment)
    return [hour, minute, second]
  },
  'time.weekday': (evaluation, time) =>
    WEEKDAYS[weekdayOf(civilOf(timeOf(evaluation, time).moment))] ?? '',
  'time.add_date': (evaluation, time, years, months, days) => {
    const { moment } = timeOf(evaluation, time)
    return added(moment, [int64Of(years), int64Of(months), int64Of(days)])
  },
  'time.diff': (evaluation, left, right) => {
    const first = timeOf(evaluation, left).moment
    const second = timeOf(evaluation, right).moment
    return difference(first, { ns: second.ns, zone: first.zone })
  },
}

function layoutOf(layout: string): string {
  return NAMED_LAYOUTS.get(layout) ?? layout
}

function parsed(evaluation: Evaluation, layout: string, text: string): Value {
  evaluation.spend(layout.length * UNITS_PER_CHARACTER + text.length)
  const ns = parseTime(layout, text)
  if (ns === undefined) throw new BuiltinError('the text is no time of this layout')
  return integerOf(ns)
}

/** Of a number of nanoseconds, or of one with a zone and a layout. @throws {BuiltinError} */
function timeOf(
  evaluation: Evaluation,
  operand: Value | undefined,
): { readonly moment: Moment; readonly layout: string } {
  const parts = operand !== undefined && isArray(operand) ? operand : [operand]
  const [time, name, layout] = parts
  if (time === undefined || !isNumber(time)) throw wrongType(operand, 'a number or an array')
  const zone = name === undefined ? UTC : zoneOf(stringOf(name))
  if (zone === undefined) throw new BuiltinError('a zone that is not known')
  if (zone !== UTC) evaluation.spend(UNITS_PER_ZONE)
  const text = layout === undefined ? '' : stringOf(layout)
  return { moment: { ns: nanosecondsOf(evaluation, time), zone }, layout: text }
}

/** An integer of 64 bits, also where OPA's float makes one of it. @throws {BuiltinError} */
function nanosecondsOf(evaluation: Evaluation, operand: Value): bigint {
  const fraction = parseFraction(textOf(numberOperand(operand)), (units) => evaluation.spend(units))
  if (fraction === undefined) throw new BuiltinError('the time is no integer of 64 bits')
  const { numerator, denominator } = fraction
  const whole =
    (numerator * 2n + (numerator < 0n ? -denominator : denominator)) / (denominator * 2n)
  const off = numerator - whole * denominator
  const bits = BigInt((whole < 0n ? -whole : whole).toString(2).length)
  // Half of what the last bit of the float counts.
  const isNear = (off < 0n ? -off : off) << (MANTISSA_BITS - bits + 1n) <= denominator
  const ns = whole === 0n && off !== 0n ? undefined : isNear ? int64(whole) : undefined
  if (ns === undefined) throw new BuiltinError('the time is no integer of 64 bits')
  return ns
}

function added(moment: Moment, by: readonly [years: bigint, months: bigint, days: bigint]): Value {
  if (by.some((count) => count > DISTANCE_MAX || count < -DISTANCE_MAX)) {
    throw new BuiltinError('the time is beyond 64 bits')
  }
  const [years, months, days] = by.map(Number) as [number, number, number]
  const civil = civilOf(moment)
  const { year, month, day } = civil
  const ns = momentOf(
    { ...civil, year: year + years, month: month + months, day: day + days },
    moment.zone,
  )
  if (ns === undefined) throw new BuiltinError('the time is beyond 64 bits')
  return integerOf(ns)
}

/** In years, months, days, hours, minutes and seconds. */
function difference(left: Moment, right: Moment): Value {
  const [from, to] = left.ns <= right.ns ? [left, right] : [right, left]
  const [a, b] = [civilOf(from), civilOf(to)]
  let [year, month, day] = [b.year - a.year, b.month - a.month, b.day - a.day]
  let [hour, minute, second] = [b.hour - a.hour, b.minute - a.minute, b.second - a.second]
  if (second < 0) [second, minute] = [second + 60, minute - 1]
  if (minute < 0) [minute, hour] = [minute + 60, hour - 1]
  if (hour < 0) [hour, day] = [hour + 24, day - 1]
  if (day < 0) {
    day += dayOf(a.year, a.month + 1, 1) - dayOf(a.year, a.month, 1)
    month--
  }
  if (month < 0) [month, year] = [month + 12, year - 1]
  return [year, month, day, hour, minute, second]
}
