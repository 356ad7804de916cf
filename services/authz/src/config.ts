import { availableParallelism } from 'node:os'
import { JOURNAL_LINE_BYTES_MAX, PORTS, RECORD_CLASSES, RecordClass } from '@verdict/contract'
import { DEFAULT_KEY_AGE_MS_MAX, RESEND_AFTER_MS, RESEND_AFTER_MS_MAX } from '@verdict/journal'
import { DEFAULT_MEMO_BYTES_MAX } from '@verdict/policy'
import { type ConfigOf, commonSettings, setting } from '@verdict/service'
import { ambiguitiesSetting } from './canonicalise/ambiguities-setting.ts'
import { DECISION_TIMEOUT_MS } from './deadline.ts'
import { fetchHostsSetting } from './fetch-hosts-setting.ts'
import { personalFieldsSetting } from './personal/personal-fields-setting.ts'
import { PERSONAL_KEYS_ENV } from './personal/personal-keys-file.ts'
import { entrypointsSetting } from './route/entrypoints-setting.ts'

const MIB = 1024 ** 2
/** More processes than this share no machine that was ever measured. */
const PROCESSES_MAX = 64
/** A journal that holds less is full at once. */
export const JOURNAL_BYTES_MIN: number = 4 * JOURNAL_LINE_BYTES_MAX

/** The settings of authz: defaults, environment variables and help. */
export const settings = {
  ...commonSettings,
  httpPort: setting.portOrOff({
    env: 'VERDICT_AUTHZ_HTTP_PORT',
    default: PORTS.authzHttp.default,
    help: 'The port of `/check` for gateways, and of health and metrics; `off` leaves the socket.',
  }),
  grpcPort: setting.portOrOff({
    env: 'VERDICT_AUTHZ_GRPC_PORT',
    default: PORTS.authzGrpc.default,
    help: "The port of Envoy's ext_authz over gRPC; `off` leaves the socket, where there is one.",
  }),
  grpcSocket: setting.text({
    env: 'VERDICT_AUTHZ_GRPC_SOCKET',
    optional: true,
    help: 'A Unix socket for gRPC, beside the port: a path, or `@name` for an abstract one.',
  }),
  httpSocket: setting.text({
    env: 'VERDICT_AUTHZ_HTTP_SOCKET',
    optional: true,
    help: 'A Unix socket for HTTP, beside the port: a path, or `@name` for an abstract one.',
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
  processes: setting.integer({
    env: 'VERDICT_AUTHZ_PROCESSES',
    default: Math.min(availableParallelism(), PROCESSES_MAX),
    min: 1,
    max: PROCESSES_MAX,
    help: 'Processes that share the ports and sockets; by default as many as there are cores.',
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
  bundles: setting.path({
    env: 'VERDICT_AUTHZ_BUNDLES',
    optional: true,
    help: 'A JSON file of signed bundles, which decide instead of the folder (docs/bundles.md).',
  }),
  entrypoint: setting.text({
    env: 'VERDICT_AUTHZ_ENTRYPOINT',
    default: 'envoy/authz/allow',
    help: 'The rule that decides, as a path.',
  }),
  entrypoints: entrypointsSetting({
    env: 'VERDICT_AUTHZ_ENTRYPOINTS',
    help: "Further rules that a route of Envoy's, or a gateway, may ask for.",
  }),
  routes: setting.path({
    env: 'VERDICT_AUTHZ_ROUTES',
    optional: true,
    help: 'A JSON file that says which rule decides, by host, path and method (docs/routes.md).',
  }),
  fetchHosts: fetchHostsSetting({
    env: 'VERDICT_AUTHZ_FETCH_HOSTS',
    help: 'Hosts (`host[:port]`, `*.suffix`) that policies may ask by `http.send`; without it none.',
  }),
  skipBodyParse: setting.flag({
    env: 'VERDICT_AUTHZ_SKIP_BODY_PARSE',
    default: false,
    help: 'Bodies are not read: the policy gets no `parsed_body` and no `truncated_body`.',
  }),
  recordInput: setting.oneOf({
    env: 'VERDICT_AUTHZ_RECORD_INPUT',
    default: 'on',
    values: ['on', 'off'],
    help: 'Records hold the input that the policy was given, with credentials masked, or not.',
  }),
  dataDir: setting.path({
    env: 'VERDICT_AUTHZ_DATA_DIR',
    default: '.verdict/authz',
    help: 'The folder of the journals and of the last good policy; one for each copy.',
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
    help: 'Identities that each process remembers; the one used longest ago makes room.',
  }),
  memoBytesMax: setting.bytes({
    env: 'VERDICT_AUTHZ_MEMO_BYTES_MAX',
    default: DEFAULT_MEMO_BYTES_MAX,
    min: 0,
    max: 4_096 * MIB,
    help: 'For answers that each process remembers, where that is sound; 0 for none.',
  }),
  requestsMax: setting.integer({
    env: 'VERDICT_AUTHZ_REQUESTS_MAX',
    default: 2_048,
    min: 1,
    max: 100_000,
    help: 'Requests that each process decides at the same time; more are turned away.',
  }),
  decisionTimeoutMs: setting.durationMs({
    env: 'VERDICT_AUTHZ_DECISION_TIMEOUT',
    default: DECISION_TIMEOUT_MS,
    min: 10,
    max: 60_000,
    help: 'The longest that a caller waits for any decision; one that waits less says so.',
  }),
  httpTimeoutHeader: setting.text({
    env: 'VERDICT_AUTHZ_HTTP_TIMEOUT_HEADER',
    optional: true,
    help: 'The header by which the gateway says how many ms it waits; name none that it passes on.',
  }),
  faults: setting.oneOf({
    env: 'VERDICT_AUTHZ_FAULTS',
    default: 'failed_call',
    values: ['failed_call', 'error_response'],
    help: 'How Envoy is told of a fault over gRPC; `error_response` needs Envoy 1.37 or later.',
  }),
  bodyBytesMax: setting.bytes({
    env: 'VERDICT_AUTHZ_BODY_BYTES_MAX',
    default: 4 * MIB,
    min: 1_024,
    max: 64 * MIB,
    help: 'A larger question, over gRPC or HTTP, is refused.',
  }),
  reflection: setting.flag({
    env: 'VERDICT_AUTHZ_REFLECTION',
    default: false,
    help: 'The gRPC listener tells by reflection what services it has, such as to grpcurl.',
  }),
  pluginMetrics: setting.flag({
    env: 'VERDICT_AUTHZ_PLUGIN_METRICS',
    default: false,
    help: 'The two metrics of opa-envoy-plugin, under their names, beside ours.',
  }),
  protoDescriptor: setting.path({
    env: 'VERDICT_AUTHZ_PROTO_DESCRIPTOR',
    optional: true,
    help: 'A FileDescriptorSet: gRPC bodies of its services are read into `parsed_body`.',
  }),
  recordClass: setting.oneOf({
    env: 'VERDICT_AUTHZ_RECORD_CLASS',
    default: RecordClass.journal,
    values: RECORD_CLASSES,
    help: 'What an answer waits for: the journal, also the stream (`replicated`), or nothing.',
  }),
  journalKeyAgeMs: setting.durationMs({
    env: 'VERDICT_AUTHZ_JOURNAL_KEY_AGE',
    default: DEFAULT_KEY_AGE_MS_MAX,
    min: 60_000,
    max: 12 * DEFAULT_KEY_AGE_MS_MAX,
    help: 'How long a key seals the journal before the next one takes over.',
  }),
  journalResendAfterMs: setting.durationMs({
    env: 'VERDICT_AUTHZ_JOURNAL_RESEND_AFTER',
    default: RESEND_AFTER_MS,
    min: 1_000,
    max: RESEND_AFTER_MS_MAX,
    help: 'Records in the stream that the log does not cover in this time are sent again.',
  }),
  journalBytesMax: setting.bytes({
    env: 'VERDICT_AUTHZ_JOURNAL_BYTES_MAX',
    default: 1_024 * MIB,
    min: JOURNAL_BYTES_MIN,
    help: 'What may wait for the log, in equal parts for each process; one that is full is no use.',
  }),
  personalKeys: setting.path({
    env: PERSONAL_KEYS_ENV,
    optional: true,
    help: 'Keys by `verdict audit personal-keys`: records name people by it in encrypted form alone.',
  }),
  personalFields: personalFieldsSetting({
    env: 'VERDICT_AUTHZ_PERSONAL_FIELDS',
    help: 'The fields of a record that are encrypted, where there are keys (docs/erasure.md).',
  }),
  ambiguities: ambiguitiesSetting({
    env: 'VERDICT_AUTHZ_AMBIGUITIES',
    help: 'What to do with requests that can be read in two ways; a route may say otherwise.',
  }),
} as const

export type AuthzConfig = ConfigOf<typeof settings>
