import { dayOf, daysIn, int64, nanosecondsOf, utcSecondsOf } from './civil.ts'
import { Cursor, Mismatch } from './cursor.ts'
import { nanoseconds, READERS, type Read } from './elements.ts'
import { type Chunk, chunksOf } from './layout.ts'

/**
 * What a text says by a layout of Go's `time`, in nanoseconds since 1970; nothing where it says no
 * time, or one beyond 64 bits. The abbreviation of a zone but UTC counts as UTC, as it does in Go
 * where the process is in UTC.
 */
export function parseTime(layout: string, text: string): bigint | undefined {
  const read: Read = {
    year: 0,
    hour: 0,
    minute: 0,
    second: 0,
    nanosecond: 0,
    isUtc: false,
  }
  try {
    // Go counts bytes: a character for each.
    const cursor = new Cursor(binary(text))
    readAll(chunksOf(binary(layout)), cursor, read)
    return momentOf(read)
  } catch (error) {
    if (error instanceof Mismatch) return undefined
    throw error
  }
}

function binary(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1')
}

function readAll(chunks: readonly Chunk[], cursor: Cursor, read: Read): void {
  chunks.forEach((chunk, at) => {
    cursor.skip(chunk.prefix)
    if (chunk.element === undefined) {
      if (cursor.at !== cursor.text.length) throw new Mismatch()
      return
    }
    READERS[chunk.element](cursor, read, chunk.text)
    if (chunk.element !== 'second' && chunk.element !== 'zeroSecond') return
    const next = chunks[at + 1]?.element
    if (next === 'fraction0' || next === 'fraction9') return
    // A fraction may follow the seconds also where the layout has none.
    const fraction = cursor.took(/[.,]\d+/y)
    if (fraction !== undefined) read.nanosecond = nanoseconds(fraction[0])
  })
}

function momentOf(read: Read): bigint | undefined {
  const { year, minute, second, nanosecond } = read
  let { hour } = read
  if (read.half === 'PM' && hour < 12) hour += 12
  if (read.half === 'AM' && hour === 12) hour = 0
  const [month, day] = read.yearDay === undefined ? [read.month ?? 1, read.day ?? 1] : dated(read)
  if (day < 1 || day > daysIn(year, month)) throw new Mismatch()
  const seconds = utcSecondsOf({ year, month, day, hour, minute, second, nanosecond })
  // Go takes this offset for none.
  const offset = read.isUtc || read.offset === -1 ? 0 : (read.offset ?? 0)
  const ns = nanosecondsOf(seconds - offset, nanosecond)
  return ns === undefined ? undefined : int64(ns)
}

function dated({ year, yearDay = 0, month, day }: Read): readonly [month: number, day: number] {
  const from = dayOf(year, 1, 0)
  if (yearDay < 1 || yearDay > dayOf(year + 1, 1, 0) - from) throw new Mismatch()
  let found = 12
  while (dayOf(year, found, 0) - from >= yearDay) found--
  const ofMonth = yearDay - (dayOf(year, found, 0) - from)
  if ((month ?? found) !== found || (day ?? ofMonth) !== ofMonth) throw new Mismatch()
  return [found, ofMonth]
}
