import { Flag, frame, headerBlock, Type } from './http2-wire.ts'

/** A CheckRequest byte by byte: the library would not take every name and every shape. */

export type Pairs = readonly (readonly [name: string, value: string])[]

export interface Question {
  readonly path?: string
  readonly headers?: Pairs
  readonly headerMap?: Pairs
  readonly extensions?: Pairs
  readonly labels?: Pairs
  readonly body?: string | Uint8Array
  /** The bytes of an `envoy.config.core.v3.Metadata`. */
  readonly metadata?: Uint8Array
}

/** A field that has a length: a text, bytes, a message (protobuf encoding, wire type 2). */
export function field(number: number, ...value: readonly (string | Uint8Array)[]): Buffer {
  const bytes = Buffer.concat(value.map((one) => Buffer.from(one as string)))
  return Buffer.concat([varint(number * 8 + 2), varint(bytes.length), bytes])
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128)
  return Buffer.from([...bytes, rest])
}

export function entries(number: number, pairs: Pairs = []): Buffer {
  return Buffer.concat(pairs.map(([key, value]) => field(number, field(1, key), field(2, value))))
}

export function checkQuestion(question: Question = {}): Buffer {
  const { path = '/a', headers, headerMap = [], extensions, labels, body, metadata } = question
  const http = Buffer.concat([
    field(2, 'GET'),
    entries(3, headers),
    field(4, path),
    field(5, 'shop.example'),
    ...(body === undefined ? [] : [field(11, body)]),
    ...(headerMap.length === 0 ? [] : [field(13, entries(1, headerMap))]),
  ])
  const attributes = Buffer.concat([
    field(1, entries(3, labels)),
    field(4, field(2, http)),
    entries(10, extensions),
    ...(metadata === undefined ? [] : [field(11, metadata)]),
  ])
  return field(1, attributes)
}

/** A gRPC message with its prefix of a flag and a length. */
export function message(bytes: Uint8Array): Buffer {
  const prefix = Buffer.alloc(5)
  prefix.writeUInt32BE(bytes.length, 1)
  return Buffer.concat([prefix, bytes])
}

const CALL: Pairs = [
  [':method', 'POST'],
  [':scheme', 'http'],
  [':path', '/envoy.service.auth.v3.Authorization/Check'],
  [':authority', 'abuse'],
  ['content-type', 'application/grpc'],
  ['te', 'trailers'],
]

/** The HEADERS of a Check, with others behind them. */
export function call(stream: number, more: Pairs = []): Buffer {
  return frame(Type.headers, Flag.endHeaders, stream, headerBlock([...CALL, ...more]))
}

/** A whole Check on one stream. */
export function check(stream: number, question: Uint8Array = ORDINARY): Buffer {
  return Buffer.concat([call(stream), frame(Type.data, Flag.endStream, stream, message(question))])
}

const ORDINARY = checkQuestion()
