import type { Scenario } from '../scenario.ts'
import { clock } from './clock.ts'
import { killAudit, killAuthz, killNats } from './kill.ts'
import { noAudit } from './no-audit.ts'
import { oldBackup } from './old-backup.ts'
import { standby } from './standby.ts'
import { stopCont } from './stop-cont.ts'
import { twoWriters } from './two-writers.ts'

export const mixed: Scenario = {
  name: 'mixed',
  summary: 'any of the above, whichever chance picks, one after the other on one cluster.',
  cluster: { clocks: true },
  cycle: (torture) =>
    torture.random
      .pick<Scenario>([
        killAuthz,
        killAudit,
        killNats,
        stopCont,
        noAudit,
        clock,
        twoWriters,
        standby,
        oldBackup,
      ])
      .cycle(torture),
}
