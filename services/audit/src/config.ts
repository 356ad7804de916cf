import { PORTS } from '@verdict/contract'
import { type ConfigOf, commonSettings, setting } from '@verdict/service'
import type { ShardPlan } from './log/shard-name.ts'

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
    help: 'The folder of the log. One audit service writes it; a second one ends, or stands by.',
  }),
  lockFile: setting.path({
    env: 'VERDICT_AUDIT_LOCK_FILE',
    optional: true,
    help: 'A file that tells how far the log was signed; on another disk it shows a restored backup.',
  }),
  shards: setting.oneOf({
    env: 'VERDICT_AUDIT_SHARDS',
    values: ['monthly', 'off'],
    default: 'monthly',
    help: 'When the log goes on in another shard: with each month of UTC, or never for its age.',
  }),
  shardLeavesMax: setting.integer({
    env: 'VERDICT_AUDIT_SHARD_LEAVES_MAX',
    optional: true,
    min: 1_000,
    help: 'Leaves of a shard: with the next message the log goes on in another one.',
  }),
  retention: setting.durationMs({
    env: 'VERDICT_AUDIT_RETENTION',
    optional: true,
    min: 3_600_000,
    help: 'Entries of closed shards whose newest record is older go, such as 400d; else none goes.',
  }),
  origin: setting.text({
    env: 'VERDICT_AUDIT_ORIGIN',
    optional: true,
    help: 'The name of a new log, such as logs.example/audit; by default one of its own. It stays.',
  }),
  instanceKeys: setting.path({
    env: 'VERDICT_AUDIT_INSTANCE_KEYS',
    optional: true,
    help: 'A JSON file of the keys by which decision points seal; else the first one is trusted.',
  }),
  authorization: setting.oneOf({
    env: 'VERDICT_AUDIT_AUTHORIZATION',
    values: ['policy', 'off'],
    default: 'policy',
    help: 'Who may read the log: `policy` asks authz and records it; `off` lets everybody read.',
  }),
  witnessPolicy: setting.path({
    env: 'VERDICT_AUDIT_WITNESS_POLICY',
    optional: true,
    help: 'A tlog-policy: which witnesses cosign the checkpoints, and how many have to.',
  }),
  standby: setting.oneOf({
    env: 'VERDICT_AUDIT_STANDBY',
    values: ['off', 'on'],
    default: 'off',
    help: 'What a second service on the same data directory does: end, or wait to take over.',
  }),
  keyStore: setting.path({
    env: 'VERDICT_AUDIT_KEY_STORE',
    optional: true,
    help: 'The folder of the keys of subjects, by default `keys` in the data folder; no backup has both.',
  }),
  webhooks: setting.path({
    env: 'VERDICT_AUDIT_WEBHOOKS',
    optional: true,
    help: 'A JSON file of the webhooks that decisions are posted to, see docs/subscribers.md.',
  }),
  scrubRate: setting.integer({
    env: 'VERDICT_AUDIT_SCRUB_RATE',
    default: 1_000,
    min: 0,
    max: 1_000_000,
    help: 'Leaves a second that are read again and verified in the background; 0 turns it off.',
  }),
} as const

export type AuditConfig = ConfigOf<typeof settings>

export function shardPlanOf({ shardLeavesMax, shards }: AuditConfig): ShardPlan {
  return { monthly: shards === 'monthly', leavesMax: shardLeavesMax }
}
