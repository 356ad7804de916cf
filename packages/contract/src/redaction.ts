/** Paths of log fields that never reach a log: pino replaces their values. */
export const REDACTED_LOG_PATHS: readonly string[] = [
  'authorization',
  'cookie',
  'token',
  'seed',
  'password',
  '*.authorization',
  '*.cookie',
  '*.token',
  '*.seed',
  '*.password',
  'headers["x-forwarded-client-cert"]',
  '*.headers.authorization',
  '*.headers.cookie',
]
