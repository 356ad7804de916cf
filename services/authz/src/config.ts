import { JOURNAL_LINE_BYTES_MAX, PORTS } from '@verdict/contract'
import { type ConfigOf, commonSettings, setting } from '@verdict/service'
import { ambiguitiesSetting } from './canonicalise/ambiguities-setting.ts'

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
  grpcSocket: setting.text({
    env: 'VERDICT_AUTHZ_GRPC_SOCKET',
    optional: true,
    help: 'A Unix socket beside the gRPC port: a path, or `@name` for an abstract one.',
  }),
  httpSocket: setting.text({
    env: 'VERDICT_AUTHZ_HTTP_SOCKET',
    optional: true,
    help: 'A Unix socket beside the HTTP port: a path, or `@name` for an abstract one.',
  }),
  socketMode: setting.oneOf({
    env: 'VERDICT_AUTHZ_SOCKET_MODE',
    default: '0660',
    values: ['0600', '0660', '0666'],
    help: 'Who may connect to the Unix sockets, as the mode of their files.',
  }),
  tlsCert: setting.path({
    env: 'VERDICT_AUTHZ_TLS_CERT',
    optional: true,
    help: 'The certificate chain (PEM) of both listeners; without it there is no TLS.',
  }),
  tlsKey: setting.path({
    env: 'VERDICT_AUTHZ_TLS_KEY',
    optional: true,
    help: 'The key (PEM) of the certificate.',
  }),
  tlsClientCa: setting.path({
    env: 'VERDICT_AUTHZ_TLS_CLIENT_CA',
    optional: true,
    help: 'Who must have signed the certificate (PEM) that every client then needs.',
  }),
  dryRun: setting.flag({
    env: 'VERDICT_AUTHZ_DRY_RUN',
    default: false,
    help: 'Denials are recorded, and not enforced: every request with a decision is let through.',
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
  protoDescriptor: setting.path({
    env: 'VERDICT_AUTHZ_PROTO_DESCRIPTOR',
    optional: true,
    help: 'A FileDescriptorSet: gRPC bodies of its services are read into `parsed_body`.',
  }),
  journalBytesMax: setting.bytes({
    env: 'VERDICT_AUTHZ_JOURNAL_BYTES_MAX',
    default: 1_024 * MIB,
    min: 4 * JOURNAL_LINE_BYTES_MAX,
    help: 'What the journal may hold that is not shipped; when it is full nothing is decided.',
  }),
  ambiguities: ambiguitiesSetting({
    env: 'VERDICT_AUTHZ_AMBIGUITIES',
    help: 'What to do with requests that can be read in two ways; a route may say otherwise.',
  }),
} as const

export type AuthzConfig = ConfigOf<typeof settings>
