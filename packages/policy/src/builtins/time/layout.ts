/** What a part of a layout of Go's `time` stands for. */
export type Element =
  | 'longMonth'
  | 'month'
  | 'numMonth'
  | 'zeroMonth'
  | 'longWeekday'
  | 'weekday'
  | 'day'
  | 'underDay'
  | 'zeroDay'
  | 'underYearDay'
  | 'zeroYearDay'
  | 'hour'
  | 'hour12'
  | 'zeroHour12'
  | 'minute'
  | 'zeroMinute'
  | 'second'
  | 'zeroSecond'
  | 'longYear'
  | 'shortYear'
  | 'PM'
  | 'pm'
  | 'zoneName'
  | 'offset'
  | 'fraction0'
  | 'fraction9'

export interface Chunk {
  /** What stands before the element, for itself. */
  readonly prefix: string
  readonly element?: Element
  /** As the layout has it, such as `Z07:00` or `.000`. */
  readonly text: string
}

/** The elements that are texts without a condition, longer ones before what they begin with. */
const PLAIN: readonly (readonly [text: string, element: Element])[] = [
  ['January', 'longMonth'],
  ['Monday', 'longWeekday'],
  ['MST', 'zoneName'],
  ['01', 'zeroMonth'],
  ['02', 'zeroDay'],
  ['03', 'zeroHour12'],
  ['04', 'zeroMinute'],
  ['05', 'zeroSecond'],
  ['06', 'shortYear'],
  ['002', 'zeroYearDay'],
  ['15', 'hour'],
  ['1', 'numMonth'],
  ['2006', 'longYear'],
  ['2', 'day'],
  ['__2', 'underYearDay'],
  ['3', 'hour12'],
  ['4', 'minute'],
  ['5', 'second'],
  ['PM', 'PM'],
  ['pm', 'pm'],
]
const OFFSET = /[-Z](?:070000|07:00:00|0700|07:00|07)/y
const FRACTION = /[.,](?:0+|9+)(?![0-9])/y
const SHORT_NAME = /(?:Jan|Mon)(?![a-z])/y
const UNDER_DAY = /_2(?!006)/y

/** Of the digits of a fraction, Go counts no more than this; then from 0 again. */
export const FRACTION_COUNTS = 4096

/** The layouts that OPA knows by name. */
export const NAMED_LAYOUTS: ReadonlyMap<string, string> = new Map([
  ['ANSIC', 'Mon Jan _2 15:04:05 2006'],
  ['UnixDate', 'Mon Jan _2 15:04:05 MST 2006'],
  ['RubyDate', 'Mon Jan 02 15:04:05 -0700 2006'],
  ['RFC822', '02 Jan 06 15:04 MST'],
  ['RFC822Z', '02 Jan 06 15:04 -0700'],
  ['RFC850', 'Monday, 02-Jan-06 15:04:05 MST'],
  ['RFC1123', 'Mon, 02 Jan 2006 15:04:05 MST'],
  ['RFC1123Z', 'Mon, 02 Jan 2006 15:04:05 -0700'],
  ['RFC3339', '2006-01-02T15:04:05Z07:00'],
  ['RFC3339Nano', '2006-01-02T15:04:05.999999999Z07:00'],
])

/** The layout in parts; the last one has no element. */
export function chunksOf(layout: string): Chunk[] {
  const chunks: Chunk[] = []
  let begin = 0
  for (let at = 0; at < layout.length; ) {
    const found = elementAt(layout, at)
    if (found === undefined) {
      at++
      continue
    }
    chunks.push({ prefix: layout.slice(begin, at), ...found })
    at += found.text.length
    begin = at
  }
  return [...chunks, { prefix: layout.slice(begin), text: '' }]
}

function elementAt(
  layout: string,
  at: number,
): { readonly element: Element; readonly text: string } | undefined {
  for (const [text, element] of PLAIN) {
    if (layout.startsWith(text, at)) return { element, text }
  }
  const short = match(SHORT_NAME, layout, at)
  if (short !== undefined) return { element: short === 'Jan' ? 'month' : 'weekday', text: short }
  const under = match(UNDER_DAY, layout, at)
  if (under !== undefined) return { element: 'underDay', text: under }
  const offset = match(OFFSET, layout, at)
  if (offset !== undefined) return { element: 'offset', text: offset }
  const fraction = match(FRACTION, layout, at)
  if (fraction === undefined) return undefined
  return { element: fraction[1] === '0' ? 'fraction0' : 'fraction9', text: fraction }
}

function match(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at
  return pattern.exec(text)?.[0]
}
