import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { create, createFileRegistry, fromBinary, toBinary } from '@bufbuild/protobuf'
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { temporaryDirectory } from '@verdict/kit'
import { expect, test } from 'vitest'
import { parseBody } from '../body/body.ts'
import { AuthzErrorCode } from '../errors.ts'
import { ProtoDescriptor } from './proto-descriptor.ts'

const BUF_TIMEOUT_MS = 30_000

const PROTO = `syntax = "proto3";
package shop.v1;

import "google/protobuf/timestamp.proto";

message Item { string name = 1; int64 price_cents = 2; } enum Kind { KIND_NONE = 0; KIND_BOOK = 1; }

message OrderRequest {
  string order_id = 1;
  Kind kind = 2;
  repeated Item items = 3;
  google.protobuf.Timestamp placed_at = 4;
  bytes token = 5;
  map<string, string> labels = 6;
  OrderRequest inner = 7;
}

message OrderAnswer {}

service Orders {
  rpc Place(OrderRequest) returns (OrderAnswer);
  rpc Watch(OrderRequest) returns (stream OrderAnswer);
  rpc Upload(stream OrderRequest) returns (OrderAnswer);
}
`

const descriptorSet = await buildDescriptorSet()
const descriptor = new ProtoDescriptor(descriptorSet)
const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptorSet))
const OrderRequest = registry.getMessage('shop.v1.OrderRequest')

async function buildDescriptorSet(): Promise<Uint8Array> {
  await using scratch = temporaryDirectory()
  const sources = join(scratch.path, 'proto')
  mkdirSync(join(sources, 'shop/v1'), { recursive: true })
  writeFileSync(join(sources, 'shop/v1/shop.proto'), PROTO)
  const buf = join(dirname(createRequire(import.meta.url).resolve('@bufbuild/buf/package.json')))
  const output = join(scratch.path, 'shop.binpb')
  const args = [join(buf, 'bin/buf'), 'build', sources, '-o', output]
  execFileSync(process.execPath, args, { timeout: BUF_TIMEOUT_MS })
  return readFileSync(output)
}

function encode(fields: Record<string, unknown>): Uint8Array {
  if (OrderRequest === undefined) throw new Error('the descriptor has no OrderRequest')
  return toBinary(OrderRequest, create(OrderRequest, fields))
}

/** A message behind gRPC's prefix. */
function frame(message: Uint8Array, { compressed = 0, length = message.length } = {}): Buffer {
  const prefix = Buffer.alloc(5)
  prefix[0] = compressed
  prefix.writeUInt32BE(length, 1)
  return Buffer.concat([prefix, message])
}

function parse(body: Uint8Array, path: readonly string[], headers: object = {}) {
  const rawBody = Buffer.from(body).toString('base64')
  const type = { 'content-type': 'application/grpc+proto' }
  const http = { headers: { ...type, ...headers }, rawBody }
  return parseBody(http, { messages: descriptor, parsedPath: path })
}

const PLACE = ['shop.v1.Orders', 'Place']
const ORDER = encode({ orderId: 'o-1' })
const READ = { value: { orderId: 'o-1' }, truncated: false }
const UNREAD = { value: null, truncated: false }
const TRUNCATED = { value: null, truncated: true }

test('a message is read by its JSON mapping', () => {
  const message = encode({
    orderId: 'ö-1',
    kind: 1,
    items: [{ name: 'a', priceCents: 9_007_199_254_740_993n }, { name: 'b' }],
    placedAt: { seconds: 1_700_000_000n, nanos: 0 },
    token: new Uint8Array([0xff, 0x00]),
    labels: { a: 'b' },
  })
  expect(parse(frame(message), PLACE)).toEqual({
    value: {
      orderId: 'ö-1',
      kind: 'KIND_BOOK',
      items: [{ name: 'a', priceCents: '9007199254740993' }, { name: 'b' }],
      placedAt: '2023-11-14T22:13:20Z',
      token: '/wA=',
      labels: { a: 'b' },
    },
    truncated: false,
  })
})

test.each<[string, Buffer, readonly string[], object]>([
  ['the method of a service', frame(ORDER), PLACE, READ],
  ['a method whose server streams', frame(ORDER), ['shop.v1.Orders', 'Watch'], READ],
  ['the first of several messages', Buffer.concat([frame(ORDER), frame(ORDER)]), PLACE, READ],
  ['an empty message', frame(Buffer.of()), PLACE, { value: {}, truncated: false }],
  ['a method whose client streams', frame(ORDER), ['shop.v1.Orders', 'Upload'], UNREAD],
  ['a method that is not known', frame(ORDER), ['shop.v1.Orders', 'Drop'], UNREAD],
  ['a service that is not known', frame(ORDER), ['other.Orders', 'Place'], UNREAD],
  ['a message in the place of a service', frame(ORDER), ['shop.v1.Item', 'Place'], UNREAD],
  ['a compressed message', frame(ORDER, { compressed: 1 }), PLACE, UNREAD],
  ['no body', Buffer.of(), PLACE, UNREAD],
  ['a frame that is longer than the body', frame(ORDER, { length: 99 }), PLACE, TRUNCATED],
  ['an unknown method, and a longer frame', frame(ORDER, { length: 99 }), ['a', 'b'], TRUNCATED],
])('%s', (_what, body, path, expected) => {
  expect(parse(body, path)).toEqual(expected)
})

test('a part of a body that Envoy says is a part is truncated, whatever its frame says', () => {
  expect(parse(frame(ORDER), PLACE, { 'x-envoy-auth-partial-body': 'true' })).toEqual(TRUNCATED)
})

test('the length of the request says nothing about a message', () => {
  expect(parse(frame(ORDER), PLACE, { 'content-length': '9999' })).toEqual(READ)
})

test('a body that came as text is not read, and neither is one without a descriptor', () => {
  const headers = { 'content-type': 'application/grpc' }
  const body = frame(ORDER).toString('utf8')
  const text = parseBody({ headers, body }, { messages: descriptor, parsedPath: PLACE })
  expect(text).toEqual(UNREAD)
  const rawBody = frame(ORDER).toString('base64')
  const grpc = { messages: undefined, parsedPath: PLACE }
  expect(parseBody({ headers, rawBody }, grpc)).toEqual(UNREAD)
})

/** Messages in messages: each is the field `inner` of the one around it. */
function nested(levels: number): Uint8Array {
  let message: Buffer = Buffer.alloc(0)
  for (let level = 0; level < levels; level++) {
    const length: number[] = []
    for (let rest = message.length; ; rest >>>= 7) {
      length.push(rest > 0x7f ? (rest & 0x7f) | 0x80 : rest)
      if (rest <= 0x7f) break
    }
    message = Buffer.concat([Buffer.of(0x3a, ...length), message])
  }
  return message
}

test.each<[string, Buffer, readonly string[], RegExp]>([
  ['a body shorter than a prefix', Buffer.of(0, 0), PLACE, /less than 5 bytes/],
  ['a path of one segment', frame(ORDER), ['shop.v1.Orders'], /invalid parsed path/],
  ['a path of three segments', frame(ORDER), [...PLACE, ''], /invalid parsed path/],
  ['bytes that are no message', frame(Buffer.of(0x0a, 0x7f, 1)), PLACE, /^proto: /],
  ['a message that is too deep', frame(nested(600)), PLACE, /^proto: |max depth/],
  ['a message deeper than any stack', frame(nested(50_000)), PLACE, /^proto: |max depth/],
])('%s is refused', (_what, body, path, message) => {
  expect(() => parse(body, path)).toThrow(
    expect.objectContaining({
      code: AuthzErrorCode.requestUnreadable,
      message: expect.stringMatching(message),
    }),
  )
})

test.each<[string, Uint8Array]>([
  ['no descriptor set', Buffer.from('syntax = "proto3";')],
  ['a set without what it imports', withoutImports()],
])('%s stops the start', (_what, bytes) => {
  expect(() => new ProtoDescriptor(bytes)).toThrow(
    expect.objectContaining({ code: AuthzErrorCode.descriptorInvalid }),
  )
})

function withoutImports(): Uint8Array {
  const set = fromBinary(FileDescriptorSetSchema, descriptorSet)
  const file = set.file.filter(({ name }) => name.startsWith('shop/'))
  return toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file }))
}

test('a file that is not there stops the start', async () => {
  await expect(ProtoDescriptor.open('/nowhere/shop.binpb')).rejects.toThrow(
    expect.objectContaining({ code: AuthzErrorCode.descriptorInvalid }),
  )
})
