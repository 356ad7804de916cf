import { MODULE_HEADER_BYTES, SECTION, WasmReader } from './wasm/binary.ts'

const I32_CONST = 0x41
const END = 0x0b
const MEMORY_0 = 0

/** Bytes of a memory, from `begin` up to `end`. */
export interface Range {
  readonly begin: number
  readonly end: number
}

/**
 * Where a module puts its constants and the first values of its variables: for each segment its
 * kind, the code that gives its address, its size and its bytes.
 *
 *     0b xx  03                           data, three segments
 *       00  41 80 80 04 0b  94 a2 03 …    at 65536, 53524 bytes
 *
 * @throws {RangeError} where it has segments of other kinds, which OPA's modules do not have
 */
export function dataSegments(wasm: Uint8Array): readonly Range[] {
  const reader = new WasmReader(wasm, MODULE_HEADER_BYTES)
  while (!reader.atEnd) {
    const id = reader.byte()
    const bytes = reader.unsigned()
    if (id === SECTION.data) return Array.from({ length: reader.unsigned() }, () => range(reader))
    reader.skip(bytes)
  }
  return []
}

function range(reader: WasmReader): Range {
  if (reader.byte() !== MEMORY_0 || reader.byte() !== I32_CONST) throw unknown()
  // An address has no sign here: below 2^31, both forms of LEB128 are the same but for the last
  // byte's sixth bit, which a positive number does not have.
  const begin = reader.unsigned()
  if (reader.byte() !== END) throw unknown()
  const bytes = reader.unsigned()
  reader.skip(bytes)
  return { begin, end: begin + bytes }
}

function unknown(): RangeError {
  return new RangeError('it has data of a kind that is not known')
}

/**
 * The part of the statics with the variables: all segments, and what is between them, in which an
 * evaluation has written; all of the statics where it has written elsewhere. `before` and `after`
 * are the statics from `begin` on.
 */
export function variablesIn(
  segments: readonly Range[],
  begin: number,
  before: Uint8Array,
  after: Uint8Array,
): Range {
  const written = segments.filter(
    (segment) =>
      Buffer.compare(
        before.subarray(segment.begin - begin, segment.end - begin),
        after.subarray(segment.begin - begin, segment.end - begin),
      ) !== 0,
  )
  const range = {
    begin: Math.min(...written.map((segment) => segment.begin)),
    end: Math.max(...written.map((segment) => segment.end)),
  }
  const outside = (statics: Uint8Array) =>
    Buffer.concat([statics.subarray(0, range.begin - begin), statics.subarray(range.end - begin)])
  const isAll = written.length > 0 && Buffer.compare(outside(before), outside(after)) === 0
  return isAll ? range : { begin, end: begin + before.length }
}
