import type { Health } from '@verdict/service'
import type { AuthzConfig } from '../config.ts'
import type { Decider } from '../decide.ts'
import type { QuestionEvents } from '../errors.ts'
import { CHECK_METHOD, checkHandler } from './check.ts'
import { Authorization } from './gen/envoy/service/auth/v3/external_auth_pb.ts'
import { Health as HealthService } from './gen/grpc/health/v1/health_pb.ts'
import { ServerReflection } from './gen/grpc/reflection/v1/reflection_pb.ts'
import { ServerReflection as ServerReflectionAlpha } from './gen/grpc/reflection/v1alpha/reflection_pb.ts'
import type { GrpcServerOptions } from './grpc-server.ts'
import {
  HEALTH_LIST_METHOD,
  HEALTH_METHOD,
  HEALTH_WATCH_METHOD,
  healthHandler,
  healthListHandler,
} from './health.ts'
import { healthWatchHandler } from './health-watch.ts'
import { REFLECTION_METHODS, reflectionHandler } from './reflection.ts'

/** What reflection tells of. */
const SERVICES = [Authorization, HealthService, ServerReflection, ServerReflectionAlpha] as const

/** All that the gRPC listener answers. */
export function grpcMethods(
  { faults, reflection }: Pick<AuthzConfig, 'faults' | 'reflection'>,
  decider: Pick<Decider, 'decide'>,
  events: QuestionEvents,
  health: Health,
): Pick<GrpcServerOptions, 'methods' | 'streams'> {
  const ready = (): boolean => health.report().ok
  const reflect = reflection ? reflectionHandler(SERVICES) : undefined
  return {
    methods: {
      [CHECK_METHOD]: checkHandler(decider, events, faults),
      [HEALTH_METHOD]: healthHandler(ready),
      [HEALTH_LIST_METHOD]: healthListHandler(ready),
    },
    streams: {
      [HEALTH_WATCH_METHOD]: healthWatchHandler(ready),
      ...(reflect && Object.fromEntries(REFLECTION_METHODS.map((path) => [path, reflect]))),
    },
  }
}
