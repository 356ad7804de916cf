import type { AnyScenario } from './scenario.ts'
import { bitFlips } from './scenarios/bit-flips.ts'
import { clock } from './scenarios/clock.ts'
import { diskFull } from './scenarios/disk-full.ts'
import { killAll, killAudit, killAuthz, killNats } from './scenarios/kill.ts'
import { mixed } from './scenarios/mixed.ts'
import { natsLeader } from './scenarios/nats-leader.ts'
import { noAudit } from './scenarios/no-audit.ts'
import { oldBackup } from './scenarios/old-backup.ts'
import { partition } from './scenarios/partition.ts'
import { standby } from './scenarios/standby.ts'
import { stopCont } from './scenarios/stop-cont.ts'
import { syscalls } from './scenarios/syscalls.ts'
import { twoWriters } from './scenarios/two-writers.ts'

/** Every scenario, in the order in which they run. */
export const SCENARIOS: readonly AnyScenario[] = [
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
  diskFull,
  bitFlips,
  syscalls,
]
