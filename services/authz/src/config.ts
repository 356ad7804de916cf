import { JOURNAL_LINE_BYTES_MAX, PORTS } from '@verdict/contract'
import { type ConfigOf, commonSettings, setting } from '@verdict/service'

const MIB = 1024 ** 2

/** The settings of authz: defaults, environment variables and help. */
export const settings = {
  ...commonSettings,
  httpPort: setting.port({
    env: 'VERDICT_AUTHZ_HTTP_PORT',
    default: PORTS.authzHttp.default,
    help: 'The port of `/check` for gateways, and of health and metrics.',
  }),
  grpcPort: setting.port({
    env: 'VERDICT_AUTHZ_GRPC_PORT',
    default: PORTS.authzGrpc.default,
    help: "The port of Envoy's ext_authz over gRPC.",
  }),
  policies: setting.path({
    env: 'VERDICT_AUTHZ_POLICIES',
    default: 'policies',
    help: 'The folder of Rego and data; what changes in it becomes active at once.',
  }),
  entrypoint: setting.text({
    env: 'VERDICT_AUTHZ_ENTRYPOINT',
    default: 'envoy/authz/allow',
    help: 'The rule that decides, as a path.',
  }),
  dataDir: setting.path({
    env: 'VERDICT_AUTHZ_DATA_DIR',
    default: '.verdict/authz',
    help: 'The folder of the journal and of the last good policy; one for each copy.',
  }),
  opa: setting.text({
    env: 'VERDICT_AUTHZ_OPA',
    default: 'opa',
    help: 'The `opa` program that compiles the policies, as a path or a name on PATH.',
  }),
  identifyTimeoutMs: setting.durationMs({
    env: 'VERDICT_AUTHZ_IDENTIFY_TIMEOUT',
    default: 500,
    min: 10,
    max: 60_000,
    help: 'How long authn may take to say who calls.',
  }),
  identitiesMax: setting.integer({
    env: 'VERDICT_AUTHZ_IDENTITIES_MAX',
    default: 10_000,
    min: 1,
    max: 1_000_000,
    help: 'Identities that are remembered; the one used longest ago makes room.',
  }),
  requestsMax: setting.integer({
    env: 'VERDICT_AUTHZ_REQUESTS_MAX',
    default: 2_048,
    min: 1,
    max: 100_000,
    help: 'Requests that are decided at the same time; more are turned away.',
  }),
  bodyBytesMax: setting.bytes({
    env: 'VERDICT_AUTHZ_BODY_BYTES_MAX',
    default: 4 * MIB,
    min: 1_024,
    max: 64 * MIB,
    help: 'A larger question, over gRPC or HTTP, is refused.',
  }),
  journalBytesMax: setting.bytes({
    env: 'VERDICT_AUTHZ_JOURNAL_BYTES_MAX',
    default: 1_024 * MIB,
    min: 4 * JOURNAL_LINE_BYTES_MAX,
    help: 'What the journal may hold that is not shipped; when it is full nothing is decided.',
  }),
} as const

export type AuthzConfig = ConfigOf<typeof settings>
