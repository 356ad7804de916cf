import { join } from 'node:path'
import { connectBus } from '@verdict/bus'
import {
  DECISIONS,
  type DecisionRecord,
  type JournalLine,
  parseJournalBatch,
} from '@verdict/contract'
import type { Cluster } from './cluster.ts'
import { waitFor } from './wait-for.ts'

const LOGGED_DEADLINE_MS = 20_000
const PAGE_MAX = 1_000

/** One decision as the audit API gives it. */
export interface LoggedDecision {
  readonly index: number
  readonly hash: string
  readonly record: DecisionRecord
}

/** The decision in the audit log, as soon as it is there. */
export async function loggedDecision(cluster: Cluster, id: string): Promise<LoggedDecision> {
  return await waitFor(
    async () => {
      const answer = await fetch(`${cluster.url('auditHttp')}/v1/decisions/${id}`)
      const body = await answer.json()
      return answer.ok ? (body as LoggedDecision) : undefined
    },
    { deadlineMs: LOGGED_DEADLINE_MS, what: `decision ${id} to be in the audit log` },
  )
}

/** Every decision of the audit log, page by page, newest first. */
export async function allLogged(cluster: Cluster): Promise<LoggedDecision[]> {
  const found: LoggedDecision[] = []
  for (let after = ''; ; ) {
    const url = `${cluster.url('auditHttp')}/v1/decisions?limit=${PAGE_MAX}${after}`
    const page = (await (await fetch(url)).json()) as {
      decisions: LoggedDecision[]
      next?: string
    }
    found.push(...page.decisions)
    if (page.next === undefined || page.decisions.length === 0) return found
    after = `&after=${encodeURIComponent(page.next)}`
  }
}

/** Every journal line that the stream holds, in its order. */
export async function streamLines(cluster: Cluster): Promise<JournalLine[]> {
  const nc = await connectBus({
    url: cluster.natsUrl,
    role: 'provisioner',
    seedFile: join(cluster.keysDir, 'provisioner.nk'),
    name: 'test',
  })
  try {
    const ask = async (subject: string, query: object) => {
      const reply = await nc.request(subject, JSON.stringify(query), { timeout: 5_000 })
      return JSON.parse(reply.string())
    }
    const info = await ask(`$JS.API.STREAM.INFO.${DECISIONS.name}`, {})
    const lines: JournalLine[] = []
    for (let seq = info.state.first_seq; seq <= info.state.last_seq; seq++) {
      const { message } = await ask(`$JS.API.STREAM.MSG.GET.${DECISIONS.name}`, { seq })
      if (message) lines.push(...parseJournalBatch(Buffer.from(message.data, 'base64')))
    }
    return lines
  } finally {
    await nc.close()
  }
}

/** The line of one decision in the stream, as soon as it is there. */
export async function streamedDecision(cluster: Cluster, id: string): Promise<JournalLine> {
  return await waitFor(
    async () => (await streamLines(cluster)).find(({ record }) => record.id === id),
    { deadlineMs: LOGGED_DEADLINE_MS, what: `decision ${id} to be in the stream` },
  )
}
