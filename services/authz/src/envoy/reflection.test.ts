import { join } from 'node:path'
import { create, createFileRegistry, fromBinary } from '@bufbuild/protobuf'
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt'
import { Client, credentials, status } from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import { createHealth, readConfig } from '@verdict/service'
import { afterEach, expect, test } from 'vitest'
import { settings } from '../config.ts'
import { GrpcServer } from './grpc-server.ts'
import { grpcMethods } from './methods.ts'
import { REFLECTION_METHODS, REFLECTION_QUESTIONS_MAX } from './reflection.ts'

const PROTOS = join(import.meta.dirname, '../../proto')
const AUTHORIZATION = 'envoy.service.auth.v3.Authorization'
const AUTHORIZATION_FILE = 'envoy/service/auth/v3/external_auth.proto'

interface Response {
  readonly validHost: string
  readonly originalRequest: object
  readonly fileDescriptorResponse?: { readonly fileDescriptorProto: readonly Buffer[] }
  readonly allExtensionNumbersResponse?: object
  readonly listServicesResponse?: { readonly service: readonly { readonly name: string }[] }
  readonly errorResponse?: { readonly errorCode: number; readonly errorMessage: string }
}

interface Method {
  requestSerialize(message: object): Buffer
  responseDeserialize(bytes: Buffer): Response
}

const cleanups: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

async function setUp(reflection: string): Promise<Client> {
  const config = readConfig(settings, { VERDICT_AUTHZ_REFLECTION: reflection }, 'authz')
  const decider = { decide: () => expect.fail('nothing is decided here') }
  const events = { questionRefused: () => undefined }
  const server = new GrpcServer({
    ...grpcMethods(config, decider, events, createHealth()),
    onFault: (error) => expect.fail(String(error)),
  })
  const port = await server.listen({ host: '127.0.0.1', port: 0 })
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure())
  cleanups.push(
    () => server.stop(0),
    () => client.close(),
  )
  return client
}

/** Asks by the messages of the version that the path names, as another library encodes them. */
async function ask(client: Client, path: string, questions: readonly object[]) {
  const version = path.split('.')[2]
  const file = `grpc/reflection/${version}/reflection.proto`
  const definition = loadSync(file, { includeDirs: [PROTOS], oneofs: false })
  const service = definition[`grpc.reflection.${version}.ServerReflection`] as unknown as {
    ServerReflectionInfo: Method
  }
  const { requestSerialize, responseDeserialize } = service.ServerReflectionInfo
  const call = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize)
  const responses: Response[] = []
  const { promise, resolve } = Promise.withResolvers<number>()
  call.on('data', (response: Response) => responses.push(response))
  call.on('status', ({ code }) => resolve(code))
  call.on('error', () => undefined)
  for (const question of questions) call.write(question)
  call.end()
  return { code: await promise, responses }
}

test.each(REFLECTION_METHODS)('%s tells what there is', async (path) => {
  const client = await setUp('true')
  const { code, responses } = await ask(client, path, [
    { host: 'here', listServices: '*' },
    { fileByFilename: AUTHORIZATION_FILE },
    { fileContainingSymbol: AUTHORIZATION },
    { fileContainingSymbol: `${AUTHORIZATION}.Check` },
    { fileContainingSymbol: 'envoy.service.auth.v3.CheckResponse.denied_response' },
    { fileContainingSymbol: 'grpc.health.v1.HealthCheckResponse.SERVING' },
    { allExtensionNumbersOfType: 'envoy.service.auth.v3.CheckRequest' },
  ])
  expect(code).toBe(status.OK)
  const [list, byName, ...bySymbol] = responses
  expect(list?.validHost).toBe('here')
  expect(list?.listServicesResponse?.service.map(({ name }) => name)).toEqual([
    AUTHORIZATION,
    'grpc.health.v1.Health',
    'grpc.reflection.v1.ServerReflection',
    'grpc.reflection.v1alpha.ServerReflection',
  ])
  const files = byName?.fileDescriptorResponse?.fileDescriptorProto ?? []
  expect(fromBinary(FileDescriptorProtoSchema, files[0] ?? new Uint8Array()).name).toBe(
    AUTHORIZATION_FILE,
  )
  for (const found of bySymbol.slice(0, 3)) {
    expect(found.fileDescriptorResponse).toEqual(byName?.fileDescriptorResponse)
  }
  const [health] = bySymbol[3]?.fileDescriptorResponse?.fileDescriptorProto ?? []
  const { name } = fromBinary(FileDescriptorProtoSchema, health ?? new Uint8Array())
  expect(name).toBe('grpc/health/v1/health.proto')
  expect(bySymbol[4]?.allExtensionNumbersResponse).toMatchObject({
    baseTypeName: 'envoy.service.auth.v3.CheckRequest',
  })
})

test('a file comes with all that it needs to be used', async () => {
  const client = await setUp('true')
  const [path = ''] = REFLECTION_METHODS
  const { responses } = await ask(client, path, [{ fileContainingSymbol: AUTHORIZATION }])
  const protos = responses[0]?.fileDescriptorResponse?.fileDescriptorProto ?? []
  const file = protos.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes)).toReversed()
  const registry = createFileRegistry(create(FileDescriptorSetSchema, { file }))
  const method = registry.getService(AUTHORIZATION)?.method['check']
  expect(method?.input.typeName).toBe('envoy.service.auth.v3.CheckRequest')
  expect(registry.getMessage('google.protobuf.Struct')).toBeDefined()
})

test.each([
  { fileByFilename: 'no/such.proto' },
  { fileContainingSymbol: 'no.such.Symbol' },
  { fileContainingExtension: { containingType: 'no.such.Type', extensionNumber: 7 } },
  {
    fileContainingExtension: {
      containingType: 'envoy.service.auth.v3.CheckRequest',
      extensionNumber: 7,
    },
  },
  { allExtensionNumbersOfType: 'no.such.Type' },
])('what there is not is NOT_FOUND, and the stream goes on: %j', async (question) => {
  const client = await setUp('true')
  const [path = ''] = REFLECTION_METHODS
  const { code, responses } = await ask(client, path, [question, { listServices: '' }])
  expect(code).toBe(status.OK)
  expect(responses[0]?.errorResponse?.errorCode).toBe(status.NOT_FOUND)
  expect(responses[0]?.originalRequest).toMatchObject(question)
  expect(responses[1]?.listServicesResponse?.service).toHaveLength(4)
})

test('who asks nothing, or without end, is refused', async () => {
  const client = await setUp('true')
  const [path = ''] = REFLECTION_METHODS
  expect((await ask(client, path, [{ host: 'here' }])).code).toBe(status.INVALID_ARGUMENT)
  const questions = Array.from({ length: REFLECTION_QUESTIONS_MAX + 1 }, () => ({
    listServices: '',
  }))
  const { code, responses } = await ask(client, path, questions)
  expect(code).toBe(status.RESOURCE_EXHAUSTED)
  expect(responses).toHaveLength(REFLECTION_QUESTIONS_MAX)
})

test('by default there is no reflection', async () => {
  const client = await setUp('false')
  for (const path of REFLECTION_METHODS) {
    expect((await ask(client, path, [{ listServices: '' }])).code).toBe(status.UNIMPLEMENTED)
  }
})
