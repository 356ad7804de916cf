import { WireType } from '@bufbuild/protobuf/wire'
import { type PlainMessage, put, requireDepth } from './plain-message.ts'
import type { TextReader } from './text-reader.ts'

/** `tag` is `number << 3 | wire type`; both are fixed for entries of a map. */
export const MAP_KEY_TAG = (1 << 3) | WireType.LengthDelimited
export const MAP_VALUE_TAG = (2 << 3) | WireType.LengthDelimited

const STRUCT_FIELDS_TAG = (1 << 3) | WireType.LengthDelimited
const LIST_VALUES_TAG = (1 << 3) | WireType.LengthDelimited
const VALUE_TAGS = {
  null: (1 << 3) | WireType.Varint,
  number: (2 << 3) | WireType.Bit64,
  string: (3 << 3) | WireType.LengthDelimited,
  bool: (4 << 3) | WireType.Varint,
  struct: (5 << 3) | WireType.LengthDelimited,
  list: (6 << 3) | WireType.LengthDelimited,
} as const

/** The object that a google.protobuf.Struct stands for. */
export function readStruct(reader: TextReader, end: number, depth: number): PlainMessage {
  requireDepth(depth)
  const struct: PlainMessage = {}
  while (reader.pos < end) {
    const tag = reader.uint32()
    if (tag === STRUCT_FIELDS_TAG) readStructEntry(reader, struct, depth)
    else reader.passOver(tag)
  }
  reader.requireEnd(end)
  return struct
}

function readStructEntry(reader: TextReader, struct: PlainMessage, depth: number): void {
  const end = reader.uint32() + reader.pos
  let key = ''
  let value: unknown = null
  while (reader.pos < end) {
    const tag = reader.uint32()
    if (tag === MAP_KEY_TAG) key = reader.text()
    else if (tag === MAP_VALUE_TAG) value = readValue(reader, depth + 1)
    else reader.passOver(tag)
  }
  reader.requireEnd(end)
  put(struct, key, value)
}

function readValue(reader: TextReader, depth: number): unknown {
  requireDepth(depth)
  const end = reader.uint32() + reader.pos
  let value: unknown = null
  while (reader.pos < end) {
    const tag = reader.uint32()
    if (tag === VALUE_TAGS.string) value = reader.text()
    else if (tag === VALUE_TAGS.number) value = reader.double()
    else if (tag === VALUE_TAGS.bool) value = reader.bool()
    else if (tag === VALUE_TAGS.struct) {
      value = readStruct(reader, reader.uint32() + reader.pos, depth + 1)
    } else if (tag === VALUE_TAGS.list) value = readList(reader, depth + 1)
    else {
      reader.passOver(tag)
      if (tag === VALUE_TAGS.null) value = null
    }
  }
  reader.requireEnd(end)
  return value
}

function readList(reader: TextReader, depth: number): unknown[] {
  const end = reader.uint32() + reader.pos
  const list: unknown[] = []
  while (reader.pos < end) {
    const tag = reader.uint32()
    if (tag === LIST_VALUES_TAG) list.push(readValue(reader, depth + 1))
    else reader.passOver(tag)
  }
  reader.requireEnd(end)
  return list
}
