import { PORTS } from '@verdict/contract'
import { type ConfigOf, commonSettings, setting } from '@verdict/service'

export const settings = {
  ...commonSettings,
  httpPort: setting.port({
    env: 'VERDICT_AUDIT_HTTP_PORT',
    default: PORTS.auditHttp.default,
    help: 'Where the log is read: decisions, the live stream, findings, health and metrics.',
  }),
  dataDir: setting.path({
    env: 'VERDICT_AUDIT_DATA_DIR',
    default: '.verdict/audit',
    help: 'The folder of the log. One audit service writes it; a second one is refused.',
  }),
  lockFile: setting.path({
    env: 'VERDICT_AUDIT_LOCK_FILE',
    optional: true,
    help: 'A file that tells how far the log was signed; on another disk it shows a restored backup.',
  }),
  origin: setting.text({
    env: 'VERDICT_AUDIT_ORIGIN',
    optional: true,
    help: 'The name of a new log, such as logs.example/audit; by default one of its own. It stays.',
  }),
} as const

export type AuditConfig = ConfigOf<typeof settings>
