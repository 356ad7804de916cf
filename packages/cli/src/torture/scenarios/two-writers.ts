import { CliError, CliErrorCode } from '../../errors.ts'
import type { Scenario } from '../scenario.ts'
import { pause } from '../waiting.ts'

const REFUSED_DEADLINE_MS = 30_000
const REFUSAL = 'data_dir_in_use'
const ANSWERS_MEANWHILE = 50
const TAKE_OVER_MS_MAX = 1_500

export const twoWriters: Scenario = {
  name: 'two-writers',
  summary: 'a second audit on the same folder is refused; of two that start at once one gets it.',
  async cycle({ cluster, load, random, stop }) {
    const { audit, secondAudit } = cluster
    await secondAudit.start()
    const ended = await secondAudit.ends(REFUSED_DEADLINE_MS, stop)
    if (!ended || !(await secondAudit.said()).includes(REFUSAL)) {
      const message = `a second audit service was not refused with \`${REFUSAL}\``
      throw new CliError(CliErrorCode.tortureFailed, message)
    }
    await load.answersMore(ANSWERS_MEANWHILE, 'with a second writer', stop)
    await audit.kill()
    // Both come at once: one of them gets the log, and the other one must not.
    await Promise.all([audit.start(), secondAudit.start()])
    await pause(random.between(0, TAKE_OVER_MS_MAX), stop)
    await secondAudit.kill()
    await cluster.restore(stop)
  },
}
