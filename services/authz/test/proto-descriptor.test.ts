import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { create, toBinary } from '@bufbuild/protobuf'
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import {
  remembered,
  startBus,
  startDecisionPoint,
  startIdentityResponder,
  temporaryDirectory,
} from '@verdict/kit'
import { expect, test } from 'vitest'
import {
  file_grpc_health_v1_health,
  HealthCheckRequestSchema,
} from '../src/envoy/gen/grpc/health/v1/health_pb.ts'

const POLICIES = {
  'authz.rego': `package envoy.authz

default allow := false

allow if input.parsed_body.service == "orders"
`,
}

function question(service: string): object {
  const message = toBinary(HealthCheckRequestSchema, create(HealthCheckRequestSchema, { service }))
  const raw_body = Buffer.concat([Buffer.of(0, 0, 0, 0, message.length), message])
  const headers = { 'content-type': 'application/grpc' }
  const http = { method: 'POST', path: '/grpc.health.v1.Health/Check', headers, raw_body }
  return { request: { http } }
}

test('a policy reads the message of a gRPC request by the descriptor of the setting', async () => {
  await using scratch = temporaryDirectory()
  await using bus = await startBus()
  await using _authn = await startIdentityResponder(bus, () => remembered({ status: 'anonymous' }))
  const descriptor = join(scratch.path, 'health.binpb')
  const set = create(FileDescriptorSetSchema, { file: [file_grpc_health_v1_health.proto] })
  writeFileSync(descriptor, toBinary(FileDescriptorSetSchema, set))
  await using point = await startDecisionPoint({
    bus,
    policies: POLICIES,
    settings: { VERDICT_AUTHZ_PROTO_DESCRIPTOR: descriptor },
  })
  await using client = point.client()
  expect((await client.check(question('orders'))).status.code ?? 0).toBe(0)
  expect((await client.check(question('payments'))).status.code).toBe(7)
})
