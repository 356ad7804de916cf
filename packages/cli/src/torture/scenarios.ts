import type { Scenario } from './scenario.ts'
import { clock } from './scenarios/clock.ts'
import { killAll, killAudit, killAuthz, killNats } from './scenarios/kill.ts'
import { mixed } from './scenarios/mixed.ts'
import { natsLeader } from './scenarios/nats-leader.ts'
import { noAudit } from './scenarios/no-audit.ts'
import { oldBackup } from './scenarios/old-backup.ts'
import { partition } from './scenarios/partition.ts'
import { standby } from './scenarios/standby.ts'
import { stopCont } from './scenarios/stop-cont.ts'
import { twoWriters } from './scenarios/two-writers.ts'

/** Every scenario, in the order in which they run. */
export const SCENARIOS: readonly Scenario[] = [
  killAuthz,
  killAudit,
  killNats,
  killAll,
  stopCont,
  noAudit,
  clock,
  twoWriters,
  standby,
  oldBackup,
  mixed,
  natsLeader,
  partition,
]
