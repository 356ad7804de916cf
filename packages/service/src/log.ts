import { REDACTED_LOG_PATHS, type ServiceName } from '@verdict/contract'
import { type DestinationStream, type Logger, pino } from 'pino'

export type { Logger }

export interface LogOptions {
  readonly service: ServiceName
  readonly instance: string
  /** Lines below this level are left out. Default: info. */
  readonly level?: string
  /** Where the lines go. Default: standard output, at once, so that the last line is kept. */
  readonly destination?: DestinationStream
}

/** A cause of a cause of a cause … is left out. */
const CAUSES_MAX = 4

/** A logger of JSON lines with `service`, `instance` and RFC 3339 times; secrets are replaced. */
export function createLog({ service, instance, level = 'info', destination }: LogOptions): Logger {
  const options = {
    level,
    base: { service, instance },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: [...REDACTED_LOG_PATHS], censor: '[redacted]' },
    serializers: { err: describeError },
  }
  return destination === undefined ? pino(options) : pino(options, destination)
}

/**
 * Name, code, message, stack and causes, and no other field: errors of libraries carry what they
 * were about, such as the claims of a token.
 */
function describeError(thrown: unknown, depth = 0): unknown {
  if (!(thrown instanceof Error)) return { message: String(thrown) }
  const code = 'code' in thrown ? thrown.code : undefined
  const cause =
    thrown.cause === undefined || depth === CAUSES_MAX
      ? undefined
      : describeError(thrown.cause, depth + 1)
  return { name: thrown.name, code, message: thrown.message, stack: thrown.stack, cause }
}
