import { cp, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { CliError, CliErrorCode } from '../../errors.ts'
import { SteadyLoad } from '../load.ts'
import { LogReader } from '../log-reader.ts'
import { logGrows } from '../looking.ts'
import type { Scenario, Torture } from '../scenario.ts'
import type { TortureCluster } from '../torture-cluster.ts'
import { comesTrue } from '../waiting.ts'

const ANSWERS_BETWEEN = 100
const REFUSED_DEADLINE_MS = 20_000
const NOTICED_DEADLINE_MS = 20_000
/** Begins the ids of requests that are sent on the backup. */
const AFTERWARDS = 'afterwards'

export const oldBackup: Scenario = {
  name: 'old-backup',
  summary: 'audit refuses an older copy of its folder; with an older lock record, a gap shows.',
  async cycle(torture) {
    const { cluster, stop } = torture
    await makeBackup(torture)
    await cluster.audit.kill()
    const current = path.join(cluster.dir, 'audit.current')
    await rename(cluster.auditDir, current)
    await cp(backupOf(cluster), cluster.auditDir, { recursive: true })
    try {
      await cluster.audit.start()
      await expectRefusal(cluster, stop)
    } finally {
      await cluster.audit.kill()
      await rm(cluster.auditDir, { recursive: true })
      await rename(current, cluster.auditDir)
    }
    await cluster.restore(stop)
  },
  async afterwards(torture) {
    const { cluster, stop } = torture
    await cluster.audit.kill()
    for (const dir of [cluster.auditDir, cluster.lockDir]) {
      await rm(dir, { recursive: true })
      await cp(backupOf(cluster, dir), dir, { recursive: true })
    }
    await cluster.audit.start()
    const load = new SteadyLoad(cluster.authz.program.url ?? '', AFTERWARDS)
    try {
      await load.answersMore(ANSWERS_BETWEEN, 'on the backup', stop)
      await expectGap(cluster, stop)
    } finally {
      await load.stop()
    }
  },
}

/** A copy of the folder and of its lock record, older than what follows. */
async function makeBackup({ cluster, load, stop }: Torture): Promise<void> {
  await cluster.audit.kill()
  for (const dir of [cluster.auditDir, cluster.lockDir]) {
    await rm(backupOf(cluster, dir), { recursive: true, force: true })
    await cp(dir, backupOf(cluster, dir), { recursive: true })
  }
  await cluster.restore(stop)
  await load.answersMore(ANSWERS_BETWEEN, 'after the backup', stop)
  await logGrows(new LogReader(cluster.auditDir), 'after the backup', stop)
}

async function expectRefusal(cluster: TortureCluster, stop: AbortSignal): Promise<void> {
  const ended = await cluster.audit.ends(REFUSED_DEADLINE_MS, stop)
  const code = 'log_older'
  if (ended && (await cluster.audit.said()).includes(code)) return
  throw new CliError(CliErrorCode.tortureFailed, `an older log was not refused with \`${code}\``)
}

/**
 * Whoever has both back at an old state is convicted by the numbers of the journals, unless the
 * decision points still have what is missing, and send it again.
 */
async function expectGap(cluster: TortureCluster, stop: AbortSignal): Promise<void> {
  const reader = new LogReader(cluster.auditDir)
  const shown = async (): Promise<boolean> => {
    await reader.update()
    const { decisions, missing } = reader.journals
    const arrived = [...decisions.values()].some(({ request }) => request?.startsWith(AFTERWARDS))
    const gap = [...reader.findings.values()].includes('gap')
    return gap || (arrived && missing === 0) || !cluster.audit.running
  }
  if (await comesTrue(shown, { deadlineMs: NOTICED_DEADLINE_MS, stop })) return
  const message = 'an older log with its older lock record shows no gap, and was not refused'
  throw new CliError(CliErrorCode.tortureFailed, message)
}

function backupOf({ dir, auditDir }: TortureCluster, of: string = auditDir): string {
  return path.join(dir, `${path.basename(of)}.backup`)
}
