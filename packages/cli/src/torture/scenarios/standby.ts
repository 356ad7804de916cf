import { CliError, CliErrorCode } from '../../errors.ts'
import { LogReader } from '../log-reader.ts'
import { logGrows } from '../looking.ts'
import type { Scenario } from '../scenario.ts'
import { pause } from '../waiting.ts'

const WAITING_MS_MAX = 3_000
const ANSWERS_MEANWHILE = 50

export const standby: Scenario = {
  name: 'standby',
  summary: 'an audit service stands by, and takes over when the one that writes is killed.',
  async cycle({ cluster, load, random, stop }) {
    const { audit, standbyAudit } = cluster
    await standbyAudit.start()
    await load.answersMore(ANSWERS_MEANWHILE, 'with one that stands by', stop)
    await pause(random.between(0, WAITING_MS_MAX), stop)
    if (!standbyAudit.running) {
      throw new CliError(CliErrorCode.tortureFailed, 'the audit service did not stand by')
    }
    await audit.kill()
    await standbyAudit.whenReady(stop)
    await logGrows(new LogReader(cluster.auditDir), 'by the one that stood by', stop)
    await standbyAudit.kill()
    await cluster.restore(stop)
  },
}
