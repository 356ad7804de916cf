import { PORTS } from '@verdict/contract'
import { type ConfigOf, commonSettings, setting } from '@verdict/service'

export const settings = {
  ...commonSettings,
  httpPort: setting.port({
    env: 'VERDICT_AUTHN_HTTP_PORT',
    default: PORTS.authnHttp.default,
    help: 'The port of health, readiness and metrics.',
  }),
  issuersFile: setting.path({
    env: 'VERDICT_AUTHN_ISSUERS',
    optional: true,
    help: 'A JSON file with the issuers whose tokens are accepted; without one no token is judged.',
  }),
  forwardedClientCert: setting.oneOf({
    env: 'VERDICT_AUTHN_FORWARDED_CLIENT_CERT',
    values: ['ignore', 'trust'],
    default: 'ignore',
    help: 'Whether `x-forwarded-client-cert` may name the workload; only where a proxy sets it.',
  }),
  clockToleranceMs: setting.durationMs({
    env: 'VERDICT_AUTHN_CLOCK_TOLERANCE',
    default: 30_000,
    min: 0,
    max: 60_000,
    help: 'How far the clock of an issuer may be from ours.',
  }),
  cacheMaxMs: setting.durationMs({
    env: 'VERDICT_AUTHN_CACHE_MAX',
    default: 300_000,
    min: 0,
    max: 3_600_000,
    help: 'How long an identity may be remembered at most, also when its token lives longer.',
  }),
  jwksRefreshMs: setting.durationMs({
    env: 'VERDICT_AUTHN_JWKS_REFRESH',
    default: 600_000,
    min: 1000,
    max: 86_400_000,
    help: 'Keys from a URL are fetched anew when they are older than this.',
  }),
  jwksStaleMaxMs: setting.durationMs({
    env: 'VERDICT_AUTHN_JWKS_STALE_MAX',
    default: 21_600_000,
    min: 1000,
    max: 604_800_000,
    help: 'While their URL fails, keys are used up to this age; then its tokens are a fault.',
  }),
  jwksCooldownMs: setting.durationMs({
    env: 'VERDICT_AUTHN_JWKS_COOLDOWN',
    default: 30_000,
    min: 100,
    max: 3_600_000,
    help: 'The least time between two fetches that unknown keys or failures of a URL cause.',
  }),
  jwksTimeoutMs: setting.durationMs({
    env: 'VERDICT_AUTHN_JWKS_TIMEOUT',
    default: 2000,
    min: 100,
    max: 30_000,
    help: 'How long a fetch of keys may take.',
  }),
} as const

export type AuthnConfig = ConfigOf<typeof settings>
