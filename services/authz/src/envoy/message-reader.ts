import { type DescField, type DescMessage, type DescOneof, ScalarType } from '@bufbuild/protobuf'
import { WireType } from '@bufbuild/protobuf/wire'
import { StructSchema } from '@bufbuild/protobuf/wkt'
import { KnownTexts } from './known-texts.ts'
import { type PlainMessage, put, requireDepth } from './plain-message.ts'
import { MAP_KEY_TAG, MAP_VALUE_TAG, readStruct } from './struct-reader.ts'
import { TextReader } from './text-reader.ts'

/**
 * Makes a reader from bytes straight to the object that policies see, for one type of message. As
 * in opa-envoy-plugin: JSON names; fields at their default are left out, messages and members of a
 * oneof that were sent are not; enums and 64-bit integers are numbers, bytes are base64, a Struct
 * is the object that it stands for.
 *
 * It reads in one pass, without a message in between, and each request is read once: this is on
 * the path of every decision.
 */
export function messageReader(schema: DescMessage): (bytes: Uint8Array) => PlainMessage {
  const plan = planOf(schema, new Map())
  const known = new KnownTexts()
  return (bytes) => {
    const reader = new TextReader(bytes, known)
    const message = {}
    readMessage(plan, reader, reader.len, message, 0)
    return message
  }
}

interface FieldPlan {
  readonly name: string
  readonly wire: WireType
  /** Whether the default value is told from none. */
  readonly explicit: boolean
  /** The other members of its oneof: setting this one unsets them. */
  readonly siblings: readonly string[] | undefined
  readonly read: (reader: TextReader, held: unknown, depth: number) => unknown
}

/** By field number. */
type Plan = (FieldPlan | undefined)[]

function planOf(schema: DescMessage, known: Map<string, Plan>): Plan {
  const existing = known.get(schema.typeName)
  if (existing !== undefined) return existing
  const plan: Plan = []
  known.set(schema.typeName, plan)
  for (const field of schema.fields) plan[field.number] = planField(field, known)
  return plan
}

function planField(field: DescField, known: Map<string, Plan>): FieldPlan {
  const { jsonName: name } = field
  const siblings = siblingsOf(field, field.oneof)
  const base = { name, siblings, explicit: true, wire: WireType.LengthDelimited }
  switch (field.fieldKind) {
    case 'message':
      return { ...base, read: messageField(field.message, known) }
    case 'map': {
      if (field.mapKind === 'enum') throw new TypeError(`\`${field}\` can't be read yet`)
      const isMessage = field.mapKind === 'message'
      const read = isMessage ? messageField(field.message, known) : scalarField(field.scalar)
      return { ...base, read: mapField(read, () => (isMessage ? {} : '')) }
    }
    case 'list': {
      if (field.listKind !== 'message') throw new TypeError(`\`${field}\` can't be read yet`)
      return { ...base, read: listField(messageField(field.message, known)) }
    }
    default: {
      const scalar = field.fieldKind === 'enum' ? ScalarType.INT32 : field.scalar
      const explicit = field.oneof !== undefined
      return { ...base, explicit, wire: wireOf(scalar), read: scalarField(scalar) }
    }
  }
}

function siblingsOf(field: DescField, oneof: DescOneof | undefined): string[] | undefined {
  const others = oneof?.fields.filter((member) => member !== field)
  return others?.map(({ jsonName }) => jsonName)
}

function wireOf(scalar: ScalarType | undefined): WireType {
  const text = scalar === ScalarType.STRING || scalar === ScalarType.BYTES
  return text ? WireType.LengthDelimited : WireType.Varint
}

function scalarField(scalar: ScalarType | undefined): FieldPlan['read'] {
  switch (scalar) {
    case ScalarType.STRING:
      return (reader) => reader.text()
    case ScalarType.BYTES:
      return (reader) => toBase64(reader.bytes())
    case ScalarType.BOOL:
      return (reader) => reader.bool()
    case ScalarType.INT32:
      return (reader) => reader.int32()
    case ScalarType.UINT32:
      return (reader) => reader.uint32()
    case ScalarType.INT64:
      return (reader) => Number(reader.int64())
    default:
      throw new TypeError(`the scalar type ${scalar} can't be read yet`)
  }
}

function messageField(schema: DescMessage, known: Map<string, Plan>): FieldPlan['read'] {
  if (schema.typeName === StructSchema.typeName) {
    return (reader, _held, depth) => readStruct(reader, reader.uint32() + reader.pos, depth + 1)
  }
  const plan = planOf(schema, known)
  return (reader, held, depth) => {
    const end = reader.uint32() + reader.pos
    // A message that comes twice is merged (protobuf encoding, “Last One Wins”).
    const message = (held as PlainMessage | undefined) ?? {}
    readMessage(plan, reader, end, message, depth + 1)
    return message
  }
}

/** `none` is the value of an entry that has none. */
function mapField(readValue: FieldPlan['read'], none: () => unknown): FieldPlan['read'] {
  return (reader, held, depth) => {
    const map = (held as PlainMessage | undefined) ?? {}
    const end = reader.uint32() + reader.pos
    let key = ''
    let value: unknown
    while (reader.pos < end) {
      const tag = reader.uint32()
      if (tag === MAP_KEY_TAG) key = reader.text()
      else if (tag === MAP_VALUE_TAG) value = readValue(reader, undefined, depth)
      else reader.passOver(tag)
    }
    reader.requireEnd(end)
    put(map, key, value ?? none())
    return map
  }
}

function listField(readItem: FieldPlan['read']): FieldPlan['read'] {
  return (reader, held, depth) => {
    const list = (held as unknown[] | undefined) ?? []
    list.push(readItem(reader, undefined, depth))
    return list
  }
}

function readMessage(
  plan: Plan,
  reader: TextReader,
  end: number,
  message: PlainMessage,
  depth: number,
): void {
  requireDepth(depth)
  while (reader.pos < end) {
    const tag = reader.uint32()
    const field = plan[tag >>> 3]
    if (field === undefined || field.wire !== (tag & 7)) {
      reader.passOver(tag)
      continue
    }
    const { name } = field
    const value = field.read(reader, message[name], depth)
    if (field.siblings !== undefined) unset(message, field.siblings)
    if (field.explicit || (value !== '' && value !== 0 && value !== false)) message[name] = value
    else if (name in message) delete message[name]
  }
  reader.requireEnd(end)
}

function unset(message: PlainMessage, names: readonly string[]): void {
  for (const name of names) if (name in message) delete message[name]
}

function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}
