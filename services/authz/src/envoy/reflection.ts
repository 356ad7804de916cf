import {
  create,
  type DescService,
  fromBinary,
  type MessageInitShape,
  toBinary,
} from '@bufbuild/protobuf'
import { Descriptors } from './descriptors.ts'
import {
  type ServerReflectionRequest,
  ServerReflectionRequestSchema,
  ServerReflectionResponseSchema,
} from './gen/grpc/reflection/v1/reflection_pb.ts'
import { GrpcError, GrpcStatus } from './grpc-status.ts'
import type { StreamHandler } from './stream-call.ts'

/** The two versions differ by their name alone. */
export const REFLECTION_METHODS: readonly string[] = ['v1', 'v1alpha'].map(
  (version) => `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`,
)
/** Questions on one stream: many times what a client needs to learn all; RESOURCE_EXHAUSTED. */
export const REFLECTION_QUESTIONS_MAX = 1_000

type Question = ServerReflectionRequest['messageRequest']
type Answer = NonNullable<
  MessageInitShape<typeof ServerReflectionResponseSchema>['messageResponse']
>

/** Answers `ServerReflectionInfo` with the descriptors of these services. */
export function reflectionHandler(services: readonly DescService[]): StreamHandler {
  const descriptors = new Descriptors(services)
  return (client) => {
    let questions = 0
    return {
      message(message) {
        questions += 1
        if (questions > REFLECTION_QUESTIONS_MAX) {
          const most = `a stream has at most ${REFLECTION_QUESTIONS_MAX} questions`
          throw new GrpcError('resource_exhausted', `${most}: open another`)
        }
        const request = requestOf(message)
        const messageResponse = answer(descriptors, request.messageRequest)
        const { host: validHost } = request
        const init = { validHost, originalRequest: request, messageResponse }
        const response = create(ServerReflectionResponseSchema, init)
        client.send(toBinary(ServerReflectionResponseSchema, response))
      },
      finished: () => client.end(),
    }
  }
}

function answer(descriptors: Descriptors, { case: kind, value }: Question): Answer {
  switch (kind) {
    case 'listServices': {
      const service = descriptors.services.map((name) => ({ name }))
      return { case: 'listServicesResponse', value: { service } }
    }
    case 'fileByFilename':
      return files(descriptors.byName(value), value)
    case 'fileContainingSymbol':
      return files(descriptors.bySymbol(value), value)
    case 'fileContainingExtension': {
      const { containingType, extensionNumber } = value
      const found = descriptors.byExtension(containingType, extensionNumber)
      return files(found, `${containingType} [${extensionNumber}]`)
    }
    case 'allExtensionNumbersOfType': {
      const extensionNumber = descriptors.extensionNumbers(value)
      if (extensionNumber === undefined) return notFound(value)
      const found = { baseTypeName: value, extensionNumber }
      return { case: 'allExtensionNumbersResponse', value: found }
    }
    default:
      throw new GrpcError('invalid_argument', 'the ServerReflectionRequest asks for nothing')
  }
}

function files(fileDescriptorProto: Uint8Array[] | undefined, asked: string): Answer {
  if (fileDescriptorProto === undefined) return notFound(asked)
  return { case: 'fileDescriptorResponse', value: { fileDescriptorProto } }
}

/** The stream goes on. */
function notFound(asked: string): Answer {
  const errorMessage = `this server has no \`${asked}\``
  return { case: 'errorResponse', value: { errorCode: GrpcStatus.not_found, errorMessage } }
}

function requestOf(message: Uint8Array): ServerReflectionRequest {
  try {
    return fromBinary(ServerReflectionRequestSchema, message)
  } catch (cause) {
    throw new GrpcError('internal', 'the message is no ServerReflectionRequest', { cause })
  }
}
