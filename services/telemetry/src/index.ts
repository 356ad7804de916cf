export { settings, type TelemetryConfig } from './config.ts'
export { telemetry } from './service.ts'
