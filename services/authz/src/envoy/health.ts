import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import {
  type Health,
  HealthCheckRequestSchema,
  type HealthCheckResponse,
  HealthCheckResponseSchema,
  HealthListResponseSchema,
  HealthCheckResponse_ServingStatus as Serving,
} from './gen/grpc/health/v1/health_pb.ts'
import type { UnaryHandler } from './grpc-call.ts'
import { GrpcError } from './grpc-status.ts'

const SERVICE: typeof Health.typeName = 'grpc.health.v1.Health'
export const HEALTH_METHOD = `/${SERVICE}/Check`
export const HEALTH_LIST_METHOD = `/${SERVICE}/List`
export const HEALTH_WATCH_METHOD = `/${SERVICE}/Watch`

/** The services that can be asked for; the empty name stands for all of them. */
export const HEALTH_SERVICES: readonly string[] = ['', 'envoy.service.auth.v3.Authorization']

/** Answers `grpc.health.v1.Health/Check` with what readiness says. */
export function healthHandler(ready: () => boolean): UnaryHandler {
  return (message) => {
    const service = serviceOf(message)
    if (!HEALTH_SERVICES.includes(service)) {
      throw new GrpcError('not_found', `this server has no service \`${service}\``)
    }
    return encodeStatus(servingStatus(ready()))
  }
}

/** Answers `grpc.health.v1.Health/List` with all services. */
export function healthListHandler(ready: () => boolean): UnaryHandler {
  return () => {
    const status = create(HealthCheckResponseSchema, { status: servingStatus(ready()) })
    const statuses = Object.fromEntries(HEALTH_SERVICES.map((service) => [service, status]))
    return toBinary(HealthListResponseSchema, create(HealthListResponseSchema, { statuses }))
  }
}

export function servingStatus(ready: boolean): HealthCheckResponse['status'] {
  return ready ? Serving.SERVING : Serving.NOT_SERVING
}

export function encodeStatus(status: HealthCheckResponse['status']): Uint8Array {
  return toBinary(HealthCheckResponseSchema, create(HealthCheckResponseSchema, { status }))
}

/** @throws {GrpcError} `internal` */
export function serviceOf(message: Uint8Array): string {
  try {
    return fromBinary(HealthCheckRequestSchema, message).service
  } catch (cause) {
    throw new GrpcError('internal', 'the message is no HealthCheckRequest', { cause })
  }
}
