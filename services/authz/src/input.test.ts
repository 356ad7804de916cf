import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { create, fromJson, type JsonObject, toBinary } from '@bufbuild/protobuf'
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import type { Identity } from '@verdict/contract'
import { expect, test } from 'vitest'
import { Decider, type DeciderOptions } from './decide.ts'
import { checkHandler } from './envoy/check.ts'
import { CheckRequestSchema } from './envoy/gen/envoy/service/auth/v3/external_auth_pb.ts'
import {
  file_grpc_health_v1_health,
  HealthCheckRequestSchema,
} from './envoy/gen/grpc/health/v1/health_pb.ts'
import { ProtoDescriptor } from './envoy/proto-descriptor.ts'
import { readRoutes } from './route/routes-document.ts'

/** Each key of the input document: from the bytes that Envoy sends to what the policy is given. */

const EVENTS = {
  decided: () => undefined,
  faulted: () => undefined,
  evaluated: () => undefined,
  ambiguous: () => undefined,
  questionRefused: () => undefined,
}
const HEALTH = create(FileDescriptorSetSchema, { file: [file_grpc_health_v1_health.proto] })

interface Setting {
  readonly identity?: Identity
  readonly routes?: readonly object[]
  readonly skipBodyParse?: boolean
}

/** The input that a policy gets for a CheckRequest, given in protobuf's JSON form. */
async function inputFor(attributes: JsonObject | undefined, setting: Setting = {}) {
  const { identity = ANONYMOUS, routes, skipBodyParse = false } = setting
  let input: unknown
  const evaluate = (_entrypoint: string, given: object): unknown => {
    input = given
    return true
  }
  const table = routes && readRoutes(JSON.stringify({ routes })).table
  const options: DeciderOptions = {
    identifier: { identify: () => identity },
    policy: () => ({
      policy: {
        revision: 'r',
        entrypoints: ['a/b'],
        spent: 0,
        remembered: false,
        labels: [],
        inputText: undefined,
        evaluate,
      },
      revision: 'r',
      entrypoint: 'a/b',
      ...(table && { routes: table }),
    }),
    journal: {
      append: async (encode) => {
        const position = { instance: 'authz-test', epoch: 1, n: 1 }
        encode(position)
        return position
      },
    },
    grpcMessages: new ProtoDescriptor(toBinary(FileDescriptorSetSchema, HEALTH)),
    requestsMax: 1,
    skipBodyParse,
    events: EVENTS,
  }
  const json: JsonObject = attributes === undefined ? {} : { attributes }
  const bytes = toBinary(CheckRequestSchema, fromJson(CheckRequestSchema, json))
  const call = { gone: false } as Parameters<ReturnType<typeof checkHandler>>[1]
  await checkHandler(new Decider(options), EVENTS)(bytes, call)
  return input
}

const ANONYMOUS: Identity = { status: 'anonymous' }
/** What is in the input of every request, of the least of them. */
const LEAST = {
  identity: ANONYMOUS,
  parsed_body: null,
  parsed_path: [''],
  parsed_query: {},
  truncated_body: false,
  version: { encoding: 'protojson', ext_authz: 'v3' },
}

interface Row {
  /** As docs/policy-contract.md names it. */
  readonly key: string
  readonly what: string
  /** Undefined where Envoy sends no attributes at all. */
  readonly sent: JsonObject | undefined
  /** Where it is not what was sent. */
  readonly attributes?: object
  /** Besides `attributes` and what is in every input. */
  readonly more?: object
  readonly without?: readonly (keyof typeof LEAST)[]
  readonly setting?: Setting
}

function http(fields: JsonObject): JsonObject {
  return { request: { http: fields } }
}

function base64(text: string | Uint8Array): string {
  return Buffer.from(text as string).toString('base64')
}

function sentAs(contentType: string, fields: JsonObject, headers: JsonObject = {}): JsonObject {
  return http({ ...fields, headers: { 'content-type': contentType, ...headers } })
}

const JSON_TYPE = 'application/json; charset=utf-8'
const FORM_TYPE = 'application/x-www-form-urlencoded'
const MULTIPART = [
  '--x\r\nContent-Disposition: form-data; name="a"\r\n\r\ntext\r\n',
  '--x\r\nContent-Disposition: form-data; name="a"\r\nContent-Type: application/json\r\n\r\n',
  '{"n":1}\r\n--x--\r\n',
].join('')
const MESSAGE = toBinary(
  HealthCheckRequestSchema,
  create(HealthCheckRequestSchema, { service: 's' }),
)
const GRPC_BODY = Buffer.concat([Buffer.of(0, 0, 0, 0, MESSAGE.length), MESSAGE])
const GRPC_PATH = { path: '/grpc.health.v1.Health/Check' }
const GRPC_PARSED = { parsed_path: ['grpc.health.v1.Health', 'Check'] }
const SOCKET = { socketAddress: { address: '10.0.0.1', portValue: 4_000 } }
const METADATA = {
  filterMetadata: {
    'envoy.filters.http.jwt_authn': {
      payload: { sub: 'alice', roles: ['a', 1.5, true, null, { deep: [] }] },
    },
  },
}
const PEER = 'attributes.source'
const HTTP = 'attributes.request.http'

const ROWS: readonly Row[] = [
  { key: 'attributes', what: 'nothing was sent', sent: undefined },
  { key: 'attributes', what: 'attributes without any are there', sent: {} },
  { key: `${PEER}.address`, what: 'an address', sent: { source: { address: SOCKET } } },
  {
    key: `${PEER}.address`,
    what: 'a pipe',
    sent: { source: { address: { pipe: { path: '/run/a.sock', mode: 384 } } } },
  },
  {
    key: `${PEER}.address`,
    what: 'a UDP address; TCP, as the default, is left out',
    sent: { source: { address: { socketAddress: { protocol: 'UDP', address: '::1' } } } },
    attributes: { source: { address: { socketAddress: { protocol: 1, address: '::1' } } } },
  },
  { key: `${PEER}.service`, what: 'a service', sent: { source: { service: 'web' } } },
  {
    key: `${PEER}.labels`,
    what: 'labels, also by names of every object',
    sent: JSON.parse('{"source":{"labels":{"app":"web","__proto__":"x"}}}') as JsonObject,
  },
  {
    key: `${PEER}.principal`,
    what: 'a principal, which is `source_principal` too',
    sent: { source: { principal: 'spiffe://a/b' } },
    more: { source_principal: 'spiffe://a/b' },
  },
  {
    key: 'source_principal',
    what: 'is not there for a principal that is empty',
    sent: { source: { principal: '', service: 'web' } },
    attributes: { source: { service: 'web' } },
  },
  {
    key: `${PEER}.certificate`,
    what: 'a certificate as Envoy escapes it',
    sent: { source: { certificate: '-----BEGIN%20CERTIFICATE-----%0AMA%3D%3D' } },
  },
  {
    key: 'attributes.destination',
    what: 'the fields of a source, and no `source_principal`',
    sent: {
      destination: {
        address: SOCKET,
        service: 'orders',
        labels: { app: 'orders' },
        principal: 'spiffe://a/c',
        certificate: 'x',
      },
    },
  },
  {
    key: 'attributes.request.time',
    what: 'seconds and nanos as numbers',
    sent: { request: { time: '2026-01-01T00:00:00.25Z' } },
    attributes: { request: { time: { seconds: 1_767_225_600, nanos: 250_000_000 } } },
  },
  {
    key: HTTP,
    what: 'is not there for TCP: path, query and body are those of an empty request',
    sent: { source: { address: SOCKET }, destination: { address: SOCKET }, request: {} },
  },
  ...(['id', 'method', 'host', 'scheme', 'query', 'fragment', 'protocol'] as const).map(
    (name): Row => ({
      key: `${HTTP}.${name}`,
      what: 'a text',
      sent: http({ path: '/', [name]: name === 'method' ? 'PURGE' : 'text' }),
    }),
  ),
  {
    key: `${HTTP}.path`,
    what: 'as it came, with the query',
    sent: http({ path: '/a/%C3%BC?x=%20' }),
    more: { parsed_path: ['a', 'ü'], parsed_query: { x: [' '] } },
  },
  {
    key: `${HTTP}.size`,
    what: 'a number, also -1; 0, as the default, is left out',
    sent: http({ path: '/', size: '-1' }),
    attributes: http({ path: '/', size: -1 }),
  },
  {
    key: `${HTTP}.size`,
    what: 'is left out where it is 0',
    sent: http({ path: '/', size: '0' }),
    attributes: http({ path: '/' }),
  },
  {
    key: `${HTTP}.headers`,
    what: 'texts by name, several joined by Envoy',
    sent: http({ path: '/', headers: { accept: 'a,b', 'x-empty': '' } }),
  },
  {
    key: `${HTTP}.headerMap`,
    what: 'raw headers in their order, bytes as base64, as Envoy sends with encode_raw_headers',
    sent: http({
      path: '/',
      headerMap: {
        headers: [
          { key: 'a', rawValue: base64('1') },
          { key: 'a', value: '2' },
        ],
      },
    }),
  },
  {
    key: `${HTTP}.body`,
    what: 'text, read by the content type',
    sent: sentAs(JSON_TYPE, { path: '/', body: '{"a":[1,"b"]}' }),
    more: { parsed_body: { a: [1, 'b'] } },
  },
  {
    key: `${HTTP}.rawBody`,
    what: 'bytes as base64, read as a text is',
    sent: sentAs(JSON_TYPE, { path: '/', rawBody: base64('{"a":"ü"}') }),
    more: { parsed_body: { a: 'ü' } },
  },
  {
    key: 'parsed_body',
    what: 'a form',
    sent: sentAs(FORM_TYPE, { path: '/', body: 'a=1&a=2&b=%20' }),
    more: { parsed_body: { a: ['1', '2'], b: [' '] } },
  },
  {
    key: 'parsed_body',
    what: 'a multipart form, with its parts of JSON',
    sent: sentAs('multipart/form-data; boundary=x', { path: '/', body: MULTIPART }),
    more: { parsed_body: { a: ['text', { n: 1 }] } },
  },
  {
    key: 'parsed_body',
    what: 'a gRPC message by its descriptor',
    sent: sentAs('application/grpc', { ...GRPC_PATH, rawBody: base64(GRPC_BODY) }),
    more: { ...GRPC_PARSED, parsed_body: { service: 's' } },
  },
  {
    key: 'parsed_body',
    what: 'null for a gRPC message that no descriptor has',
    sent: sentAs('application/grpc', { path: '/a.B/C', rawBody: base64(GRPC_BODY) }),
    more: { parsed_path: ['a.B', 'C'] },
  },
  {
    key: 'parsed_body',
    what: 'null for another content type, and for none',
    sent: sentAs('text/plain', { path: '/', body: '{"a":1}' }),
  },
  {
    key: 'parsed_body',
    what: 'null where the content type is a raw header: as the plugin has it',
    sent: http({
      path: '/',
      headerMap: { headers: [{ key: 'content-type', rawValue: base64(JSON_TYPE) }] },
      body: '{"a":1}',
    }),
  },
  {
    key: 'truncated_body',
    what: 'Envoy says so',
    sent: sentAs(JSON_TYPE, { path: '/', body: '{"a"' }, { 'x-envoy-auth-partial-body': 'true' }),
    more: { truncated_body: true },
  },
  {
    key: 'truncated_body',
    what: 'the length of the content is more than came',
    sent: sentAs(JSON_TYPE, { path: '/', body: '{"a":1}' }, { 'content-length': '8' }),
    more: { truncated_body: true },
  },
  {
    key: 'truncated_body',
    what: 'not where it is as much, or less',
    sent: sentAs(JSON_TYPE, { path: '/', body: '{"a":1}' }, { 'content-length': '7' }),
    more: { parsed_body: { a: 1 } },
  },
  {
    key: 'truncated_body',
    what: 'the frame of a gRPC message is longer than what came',
    sent: sentAs('application/grpc', {
      ...GRPC_PATH,
      rawBody: base64(GRPC_BODY.subarray(0, GRPC_BODY.length - 1)),
    }),
    more: { ...GRPC_PARSED, truncated_body: true },
  },
  {
    key: 'parsed_body',
    what: 'is not there, nor `truncated_body`, where bodies are not read',
    sent: sentAs(JSON_TYPE, { path: '/', body: '{' }),
    without: ['parsed_body', 'truncated_body'],
    setting: { skipBodyParse: true },
  },
  {
    key: 'parsed_path',
    what: 'decoded, without leading slashes, cut at slashes',
    sent: http({ path: '/a%2Fb/c%20d/' }),
    more: { parsed_path: ['a', 'b', 'c d', ''], ambiguities: ['encoded_slash'] },
  },
  {
    key: 'parsed_query',
    what: 'values by key in the order in which they came',
    sent: http({ path: '/?a=1&b&a=2&__proto__=x' }),
    more: { parsed_query: JSON.parse('{"a":["1","2"],"b":[""],"__proto__":["x"]}') as object },
  },
  {
    key: 'ambiguities',
    what: 'the kinds that are flagged',
    sent: http({ path: '/a/../b//c' }),
    more: {
      parsed_path: ['a', '..', 'b', '', 'c'],
      ambiguities: ['dot_segment', 'empty_segment'],
    },
  },
  {
    key: 'attributes.contextExtensions',
    what: "texts of Envoy's route",
    sent: { contextExtensions: { service: 'orders', empty: '' } },
  },
  {
    key: 'attributes.metadataContext',
    what: 'metadata of filters as the JSON that it stands for',
    sent: { metadataContext: METADATA },
  },
  {
    key: 'attributes.routeMetadataContext',
    what: 'metadata of the route',
    sent: { routeMetadataContext: METADATA },
  },
  {
    key: 'attributes.tlsSession',
    what: 'the server name that the client asked for',
    sent: { tlsSession: { sni: 'shop.example' } },
  },
  {
    key: 'identity',
    what: 'what authn says of the caller',
    sent: {},
    setting: { identity: { status: 'verified', subject: 'alice', claims: { roles: ['a'] } } },
    more: { identity: { status: 'verified', subject: 'alice', claims: { roles: ['a'] } } },
  },
  {
    key: 'route',
    what: 'the name of the route of the file',
    sent: http({ path: '/a' }),
    setting: { routes: [{ name: 'all', entrypoint: 'a/b' }] },
    more: { parsed_path: ['a'], route: { name: 'all' } },
  },
  {
    key: 'route',
    what: 'is empty where the route has no name, and not there where none is for the request',
    sent: http({ path: '/a' }),
    setting: { routes: [{ path: '/a', entrypoint: 'a/b' }] },
    more: { parsed_path: ['a'], route: {} },
  },
  { key: 'version', what: 'the same for all', sent: {} },
]

test.each(ROWS)(
  'input.$key: $what',
  async ({ sent, attributes = sent, more, without, setting }) => {
    const kept = Object.entries(LEAST).filter(
      ([key]) => !without?.includes(key as keyof typeof LEAST),
    )
    const given = attributes === undefined ? {} : { attributes }
    expect(await inputFor(sent, setting)).toStrictEqual({
      ...Object.fromEntries(kept),
      ...given,
      ...more,
    })
  },
)

test('docs/policy-contract.md has each key that is tested here, and no other', () => {
  const page = readFileSync(join(import.meta.dirname, '../../../docs/policy-contract.md'), 'utf8')
  const section = /^## input$(.*?)^## /ms.exec(page)?.[1] ?? ''
  const keys = [...section.matchAll(/^\| `([\w.]+)`/gm)].map(([, key]) => key)
  expect(keys.length).toBe(new Set(keys).size)
  expect(new Set(keys)).toEqual(new Set(ROWS.map(({ key }) => key)))
})
