import { execFileSync } from 'node:child_process'
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  createFileRegistry,
  type DescField,
  type DescFile,
  type DescMessage,
  fromBinary,
} from '@bufbuild/protobuf'
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { temporaryDirectory } from '@verdict/kit'
import { expect, test } from 'vitest'
import { KNOWN_STATUS } from '../result/read-result.ts'
import { file_envoy_config_core_v3_address } from './gen/envoy/config/core/v3/address_pb.ts'
import { file_envoy_config_core_v3_base } from './gen/envoy/config/core/v3/base_pb.ts'
import { AttributeContextSchema } from './gen/envoy/service/auth/v3/attribute_context_pb.ts'
import { CheckRequestSchema } from './gen/envoy/service/auth/v3/external_auth_pb.ts'
import {
  file_envoy_type_v3_http_status,
  StatusCodeSchema,
} from './gen/envoy/type/v3/http_status_pb.ts'
import { file_google_rpc_status } from './gen/google/rpc/status_pb.ts'

const OURS: readonly DescFile[] = [
  file_envoy_config_core_v3_address,
  file_envoy_config_core_v3_base,
  AttributeContextSchema.file,
  CheckRequestSchema.file,
  file_envoy_type_v3_http_status,
  file_google_rpc_status,
]

const BUF_TIMEOUT_MS = 30_000

/** In Envoy since 1.37, and not yet in the protos on npm. */
const NEWER = ['envoy.service.auth.v3.CheckResponse.error_response']

const theirs = createFileRegistry(fromBinary(FileDescriptorSetSchema, await buildTheirs()))

const messages = OURS.flatMap((file) => file.messages).flatMap(withNested)

test('every message of ours is compared', () => {
  expect(messages).toHaveLength(20)
})

test.each(messages.map((message) => [message.typeName, message] as const))(
  '%s has the fields of the original',
  (typeName, message) => {
    const original = theirs.getMessage(typeName)
    const known = message.fields.filter(({ name }) => !NEWER.includes(`${typeName}.${name}`))
    const named = new Set(known.map(({ name }) => name))
    const same = original?.fields.filter(({ name }) => named.has(name)) ?? []
    expect(known.map(describe)).toEqual(same.map(describe))
  },
)

test('a request has every field of the original, so that policies see all of it', () => {
  const seen = new Map<string, DescMessage>()
  const reach = (message: DescMessage | undefined): void => {
    if (message === undefined || !messages.includes(message) || seen.has(message.typeName)) return
    seen.set(message.typeName, message)
    for (const field of message.fields) reach(field.message)
  }
  reach(messages.find(({ name }) => name === 'CheckRequest'))
  expect(seen.size).toBe(13)
  for (const [typeName, message] of seen) {
    expect(message.fields.map(describe)).toEqual(theirs.getMessage(typeName)?.fields.map(describe))
  }
})

test('the enumerations have the values of the originals', () => {
  for (const file of OURS) {
    for (const ours of [...file.enums, ...messages.flatMap(({ nestedEnums }) => nestedEnums)]) {
      const values = (desc: typeof ours | undefined) => desc?.values.map((v) => [v.name, v.number])
      expect(values(ours)).toEqual(values(theirs.getEnum(ours.typeName)))
    }
  }
})

test('what is newer than the originals is still missing there', () => {
  const original = theirs.getMessage('envoy.service.auth.v3.CheckResponse')
  expect(original?.fields.map(({ name }) => name)).not.toContain('error_response')
})

test('a policy may deny with each status that Envoy knows', () => {
  const known = StatusCodeSchema.values.map(({ number }) => number).filter((code) => code !== 0)
  expect([...KNOWN_STATUS].toSorted()).toEqual(known.toSorted())
})

function withNested(message: DescMessage): DescMessage[] {
  const nested = message.nestedMessages.filter(({ proto }) => !proto.options?.mapEntry)
  return [message, ...nested.flatMap(withNested)]
}

function describe(field: DescField): unknown {
  const { name, number, jsonName, fieldKind, scalar } = field
  return {
    name,
    number,
    jsonName,
    fieldKind,
    scalar,
    of: field.message?.typeName ?? field.enum?.typeName,
    oneof: field.oneof?.name,
    list: fieldKind === 'list' ? field.listKind : undefined,
    map: fieldKind === 'map' ? [field.mapKey, field.mapKind] : undefined,
  }
}

/** The descriptors of the originals, as `buf` makes them. */
async function buildTheirs(): Promise<Uint8Array> {
  await using scratch = temporaryDirectory()
  cpSync(join(packageDir('@grpc/grpc-js-xds'), 'deps'), scratch.path, { recursive: true })
  const modules = ['envoy-api', 'googleapis', 'xds', 'protoc-gen-validate']
  const listed = modules.map((path) => `  - path: ${path}\n`).join('')
  writeFileSync(join(scratch.path, 'buf.yaml'), `version: v2\nmodules:\n${listed}`)
  const buf = join(packageDir('@bufbuild/buf'), 'bin/buf')
  const root = 'envoy-api/envoy/service/auth/v3/external_auth.proto'
  const args = ['build', '--path', root, '-o', 'all.binpb', '--as-file-descriptor-set']
  execFileSync(process.execPath, [buf, ...args], { cwd: scratch.path, timeout: BUF_TIMEOUT_MS })
  return readFileSync(join(scratch.path, 'all.binpb'))
}

function packageDir(name: string): string {
  return dirname(fileURLToPath(import.meta.resolve(`${name}/package.json`)))
}
