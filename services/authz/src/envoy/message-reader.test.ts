import { create, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf'
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { SocketAddress_Protocol } from './gen/envoy/config/core/v3/address_pb.ts'
import { CheckRequestSchema } from './gen/envoy/service/auth/v3/external_auth_pb.ts'
import { messageReader } from './message-reader.ts'

type RequestInit = MessageInitShape<typeof CheckRequestSchema>

const read = messageReader(CheckRequestSchema)

function readOf(init: RequestInit): unknown {
  return read(toBinary(CheckRequestSchema, create(CheckRequestSchema, init)))
}

test('a request has the JSON names of the protobuf, and nothing that is default', () => {
  const init: RequestInit = {
    attributes: {
      source: {
        address: {
          address: {
            case: 'socketAddress',
            value: { address: '10.0.0.7', portSpecifier: { case: 'portValue', value: 40111 } },
          },
        },
        principal: 'spiffe://td/a',
        labels: { app: 'web' },
      },
      request: {
        time: { seconds: 1_763_800_000n, nanos: 5_000_000 },
        http: { method: 'GET', size: -1n, headers: { 'x-a': '1', empty: '' }, query: '' },
      },
      contextExtensions: { tenant: 'blue' },
      tlsSession: { sni: 'shop.local' },
    },
  }
  expect(readOf(init)).toEqual({
    attributes: {
      source: {
        address: { socketAddress: { address: '10.0.0.7', portValue: 40111 } },
        principal: 'spiffe://td/a',
        labels: { app: 'web' },
      },
      request: {
        time: { seconds: 1_763_800_000, nanos: 5_000_000 },
        http: { method: 'GET', size: -1, headers: { 'x-a': '1', empty: '' } },
      },
      contextExtensions: { tenant: 'blue' },
      tlsSession: { sni: 'shop.local' },
    },
  })
})

test('what was sent although it is empty is told from what was not', () => {
  expect(readOf({})).toEqual({})
  expect(readOf({ attributes: {} })).toEqual({ attributes: {} })
  const port = { portSpecifier: { case: 'portValue', value: 0 } } as const
  const address = { address: { case: 'socketAddress', value: port } } as const
  expect(readOf({ attributes: { source: { address } } })).toEqual({
    attributes: { source: { address: { socketAddress: { portValue: 0 } } } },
  })
})

test('bytes are base64, enums are numbers', () => {
  const udp = { protocol: SocketAddress_Protocol.UDP }
  const init: RequestInit = {
    attributes: {
      source: { address: { address: { case: 'socketAddress', value: udp } } },
      request: { http: { rawBody: new Uint8Array([0, 255, 128]) } },
    },
  }
  expect(readOf(init)).toEqual({
    attributes: {
      source: { address: { socketAddress: { protocol: 1 } } },
      request: { http: { rawBody: 'AP+A' } },
    },
  })
})

test('metadata is the object that it stands for', () => {
  const payload = { sub: 'u', n: 3.5, ok: true, none: null, list: ['a', { b: [] }], empty: {} }
  const init: RequestInit = {
    attributes: {
      metadataContext: {
        filterMetadata: { jwt: { payload } },
        typedFilterMetadata: { any: { typeUrl: 't/x', value: new Uint8Array([1]) } },
      },
    },
  }
  expect(readOf(init)).toEqual({
    attributes: {
      metadataContext: {
        filterMetadata: { jwt: { payload } },
        typedFilterMetadata: { any: { typeUrl: 't/x', value: 'AQ==' } },
      },
    },
  })
})

test('a key of a caller never reaches a prototype', () => {
  const headers = Object.fromEntries([
    ['__proto__', 'x'],
    ['constructor', 'y'],
  ])
  const { attributes } = readOf({ attributes: { request: { http: { headers } } } }) as {
    attributes: { request: { http: { headers: object } } }
  }
  const got = attributes.request.http.headers
  expect(Object.getPrototypeOf(got)).toBe(Object.prototype)
  expect(JSON.stringify(got)).toBe('{"__proto__":"x","constructor":"y"}')
})

test('a header without a value, as some encoders leave it out, has an empty one', () => {
  const entry = new BinaryWriter().tag(1, WireType.LengthDelimited).string('x-empty').finish()
  const http = new BinaryWriter().tag(3, WireType.LengthDelimited).bytes(entry).finish()
  expect(read(nested([1, 4, 2], http))).toEqual({
    attributes: { request: { http: { headers: { 'x-empty': '' } } } },
  })
})

test('of a field that comes twice the last one counts, of a message all fields', () => {
  const method = (name: string): Uint8Array =>
    new BinaryWriter().tag(2, WireType.LengthDelimited).string(name).finish()
  const host = new BinaryWriter().tag(5, WireType.LengthDelimited).string('shop').finish()
  const twice = Buffer.concat([nested([1, 4, 2], method('GET')), nested([1, 4, 2], method('PUT'))])
  expect(read(twice)).toEqual({ attributes: { request: { http: { method: 'PUT' } } } })
  const merged = Buffer.concat([twice, nested([1, 4, 2], host)])
  expect(read(merged)).toEqual({
    attributes: { request: { http: { method: 'PUT', host: 'shop' } } },
  })
  const unset = Buffer.concat([twice, nested([1, 4, 2], method(''))])
  expect(read(unset)).toEqual({ attributes: { request: { http: {} } } })
})

test('of a oneof the last member counts', () => {
  const pipe = new BinaryWriter().tag(2, WireType.LengthDelimited).bytes(new Uint8Array()).finish()
  const socket = new BinaryWriter().tag(1, WireType.LengthDelimited).bytes(new Uint8Array())
  const both = Buffer.concat([pipe, socket.finish()])
  expect(read(nested([1, 1, 1], both))).toEqual({
    attributes: { source: { address: { socketAddress: {} } } },
  })
})

test('fields of a newer Envoy are passed over', () => {
  const newer = new BinaryWriter().tag(99, WireType.LengthDelimited).string('new')
  newer.tag(98, WireType.Varint).uint32(7).tag(97, WireType.Bit64).fixed64(1n)
  expect(read(nested([1, 4, 2], newer.finish()))).toEqual({ attributes: { request: { http: {} } } })
})

test.each([
  ['text that is not UTF-8', nested([1, 4, 2, 4], Buffer.from([0x2f, 0xff, 0xfe]))],
  ['a length beyond the message', Buffer.from([0x0a, 0x7f, 0x01])],
  ['a field that is longer than its message', Buffer.from([0x0a, 0x02, 0x22, 0x05, 1, 2, 3, 4, 5])],
  ['a varint without an end', Buffer.from([0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff])],
  ['half of a tag', Buffer.from([0x8a])],
])('%s is refused', (_name, bytes) => {
  expect(() => read(bytes)).toThrow()
})

test('metadata that is nested without an end is refused', () => {
  let value = new BinaryWriter().tag(4, WireType.Varint).bool(true).finish()
  for (let depth = 0; depth < 5_000; depth++) {
    const list = new BinaryWriter().tag(1, WireType.LengthDelimited).bytes(value).finish()
    value = new BinaryWriter().tag(6, WireType.LengthDelimited).bytes(list).finish()
  }
  const entry = new BinaryWriter().tag(1, WireType.LengthDelimited).string('k')
  entry.tag(2, WireType.LengthDelimited).bytes(value)
  expect(() => read(nested([1, 11, 1, 2, 1], entry.finish()))).toThrow(/nested too deeply/)
})

test('a character that replaces others is kept where it was sent as such', () => {
  const init: RequestInit = { attributes: { request: { http: { path: '/\ufffd' } } } }
  expect(readOf(init)).toEqual({ attributes: { request: { http: { path: '/\ufffd' } } } })
})

test('any bytes are read or refused, and read alike the second time', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      expect(outcome(() => read(bytes))).toEqual(outcome(() => read(bytes)))
    }),
  )
})

test('what the library reads of texts and maps, the reader reads', () => {
  const text: fc.Arbitrary<string> = fc.string({ unit: 'grapheme', maxLength: 60 })
  const http = fc.record(
    { method: text, path: text, host: text, body: text, headers: fc.dictionary(text, text) },
    { requiredKeys: [] },
  )
  fc.assert(
    fc.property(
      fc.record({ http, extensions: fc.dictionary(text, text), names: fc.array(text) }),
      (parts) => {
        const init: RequestInit = {
          attributes: {
            request: {
              http: {
                ...parts.http,
                headerMap: { headers: parts.names.map((key) => ({ key })) },
              },
            },
            contextExtensions: parts.extensions,
          },
        }
        const bytes = toBinary(CheckRequestSchema, create(CheckRequestSchema, init))
        const oracle = fromBinary(CheckRequestSchema, bytes).attributes
        const { attributes } = read(bytes) as never as { attributes: typeof oracle }
        const [ours, theirs] = [attributes?.request?.http, oracle?.request?.http]
        for (const name of ['method', 'path', 'host', 'body'] as const) {
          expect(ours?.[name] ?? '').toBe(theirs?.[name])
        }
        expect(entriesOf(ours?.headers)).toEqual(entriesOf(theirs?.headers))
        expect(entriesOf(attributes?.contextExtensions)).toEqual(
          entriesOf(oracle?.contextExtensions),
        )
        const keys = ours?.headerMap?.headers?.map(({ key }) => key ?? '') ?? []
        expect(keys).toEqual(parts.names)
      },
    ),
  )
})

function entriesOf(map: object | undefined): unknown[] {
  return Object.entries(map ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1))
}

/** A message in a message in …, by field numbers. */
function nested(numbers: readonly number[], bytes: Uint8Array): Uint8Array {
  return numbers.reduceRight<Uint8Array>(
    (inner, number) =>
      new BinaryWriter().tag(number, WireType.LengthDelimited).bytes(inner).finish(),
    bytes,
  )
}

function outcome(work: () => unknown): unknown {
  try {
    return work()
  } catch (thrown) {
    return String(thrown)
  }
}
