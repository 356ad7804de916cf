import { PORTS } from '@verdict/contract'
import { type ConfigOf, commonSettings, setting } from '@verdict/service'

export const settings = {
  ...commonSettings,
  httpPort: setting.port({
    env: 'VERDICT_TELEMETRY_HTTP_PORT',
    default: PORTS.telemetryHttp.default,
    help: 'Where metrics of decisions, the instances of the cluster and health are read.',
  }),
} as const

export type TelemetryConfig = ConfigOf<typeof settings>
