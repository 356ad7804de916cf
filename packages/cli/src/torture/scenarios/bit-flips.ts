import path from 'node:path'
import { DECISIONS } from '@verdict/contract'
import { CliError, CliErrorCode } from '../../errors.ts'
import { Damage, logFilesOf, newestBlockOf, segmentsOf, stagedOf } from '../damage.ts'
import type { Scenario, Torture } from '../scenario.ts'
import { comesTrue } from '../waiting.ts'

const ANSWERS_BETWEEN = 50
const REFUSED_DEADLINE_MS = 30_000
/** The scrubber reads 1,000 leaves in a second, and rests for a minute between two rounds. */
const NOTICED_DEADLINE_MS = 180_000
/** Of a journal's file: at its very end damage may pass for a record that was never finished. */
const SEGMENT_SHARE = 0.9

type Fault = (torture: Torture) => Promise<void>

/** Of a journal whose lines are changed nothing is sent, and nothing is added to it. */
const inJournal: Fault = async ({ cluster, random, stop }) => {
  const { authz } = cluster
  await authz.kill()
  const [file] = random.shuffled(await segmentsOf(path.join(cluster.dir, 'authz', 'journal')))
  if (file === undefined) return
  const damage = await Damage.make(file, random, SEGMENT_SHARE)
  try {
    const before = (await authz.said()).length
    await authz.start()
    const ended = await authz.ends(REFUSED_DEADLINE_MS, stop)
    const said = (await authz.said()).slice(before)
    if (!ended || !said.includes('is damaged')) throw unnoticed(damage, 'authz')
  } finally {
    await authz.kill()
    await damage.mend()
  }
}

/** What a stream loses is lost for good there; the journals have it, and send it again. */
const inStream: Fault = async ({ cluster, load, random, stop }) => {
  const [server] = cluster.nats.members
  await cluster.audit.kill()
  await load.answersMore(ANSWERS_BETWEEN, 'that wait in the stream', stop)
  await server?.kill()
  const block = await newestBlockOf(path.join(cluster.dir, 'nats'), DECISIONS.name)
  if (block !== undefined) await Damage.make(block, random)
}

/** Entries that no checkpoint has: refused, or taken for a write that was cut short. */
const inStaged: Fault = async ({ cluster, random, stop }) => {
  await cluster.audit.kill()
  const [file] = random.shuffled(await stagedOf(cluster.auditDir))
  if (file === undefined) return
  const damage = await Damage.make(file, random)
  await cluster.audit.start()
  await comesTrue(async () => !cluster.audit.running || (await cluster.audit.ready()), {
    deadlineMs: REFUSED_DEADLINE_MS,
    stop,
  })
  if (!cluster.audit.running) await damage.mend()
}

/** A tile, entries or the checkpoint: the start is refused, or the scrubber finds it. */
const inLog: Fault = async ({ cluster, looking, random, stop }) => {
  const { audit } = cluster
  await audit.kill()
  const { checkpoint, tiles } = await logFilesOf(cluster.auditDir)
  const [file = checkpoint] = random.shuffled([checkpoint, ...tiles])
  await looking.away(async () => {
    const damage = await Damage.make(file, random)
    try {
      const before = (await audit.said()).length
      await audit.start()
      await noticed(cluster, { damage, before }, stop)
    } finally {
      if (!audit.running) await audit.kill()
      await damage.mend()
    }
  })
}

export const bitFlips: Scenario = {
  name: 'bit-flips',
  summary: 'bits flipped and ends cut off, in journal, stream and log: found, and nothing is lost.',
  async cycle(torture) {
    const { cluster, load, random, stop } = torture
    await random.pick<Fault>([inJournal, inStream, inStaged, inLog])(torture)
    await cluster.restore(stop)
    await load.answersMore(ANSWERS_BETWEEN, 'after the damage', stop)
  },
  async afterwards({ cluster, random, stop }) {
    const { tiles } = await logFilesOf(cluster.auditDir)
    const [file] = random.shuffled(tiles)
    if (file === undefined) return
    const before = (await cluster.audit.said()).length
    await noticed(cluster, { damage: await Damage.make(file, random), before }, stop)
  },
}

/** The audit service does not start, or says that its log is damaged. */
async function noticed(
  { audit }: Torture['cluster'],
  { damage, before }: { damage: Damage; before: number },
  stop: AbortSignal,
): Promise<void> {
  const told = async (): Promise<boolean> => {
    const said = (await audit.said()).slice(before)
    return said.includes('is damaged') && !(await audit.ready())
  }
  if (await comesTrue(told, { deadlineMs: NOTICED_DEADLINE_MS, stop })) return
  throw unnoticed(damage, 'audit')
}

function unnoticed({ what }: Damage, by: string): CliError {
  return new CliError(CliErrorCode.tortureFailed, `${what}: ${by} has not noticed it`)
}
