import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import {
  HealthCheckRequestSchema,
  HealthCheckResponseSchema,
  HealthCheckResponse_ServingStatus as Serving,
} from './gen/grpc/health/v1/health_pb.ts'
import type { UnaryHandler } from './grpc-call.ts'
import { GrpcError } from './grpc-status.ts'

export const HEALTH_METHOD = '/grpc.health.v1.Health/Check'

/** The services that can be asked for; the empty name stands for all of them. */
const SERVICES: readonly string[] = ['', 'envoy.service.auth.v3.Authorization']

/** Answers `grpc.health.v1.Health/Check` with what readiness says. */
export function healthHandler(ready: () => boolean): UnaryHandler {
  return (message) => {
    const service = serviceOf(message)
    if (!SERVICES.includes(service)) {
      throw new GrpcError('not_found', `this server has no service \`${service}\``)
    }
    const status = ready() ? Serving.SERVING : Serving.NOT_SERVING
    return toBinary(HealthCheckResponseSchema, create(HealthCheckResponseSchema, { status }))
  }
}

function serviceOf(message: Uint8Array): string {
  try {
    return fromBinary(HealthCheckRequestSchema, message).service
  } catch (cause) {
    throw new GrpcError('internal', 'the message is no HealthCheckRequest', { cause })
  }
}
