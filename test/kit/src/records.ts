import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { DecisionRecord } from '@verdict/contract'
import type { Cluster } from './cluster.ts'
import { streamedDecision } from './stream-lines.ts'
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
async function loggedDecision(cluster: Cluster, id: string): Promise<LoggedDecision> {
  return await waitFor(
    async () => {
      const url = `${cluster.url('auditHttp')}/v1/decisions/${id}`
      const answer = await fetch(url, { headers: await auditorHeaders(cluster) })
      const body = await answer.json()
      return answer.ok ? (body as LoggedDecision) : undefined
    },
    { deadlineMs: LOGGED_DEADLINE_MS, what: `decision ${id} to be in the audit log` },
  )
}

/** What an auditor sends; nothing where the cluster has no demo, and so everybody may read. */
export async function auditorHeaders({ dataDir }: Cluster): Promise<Record<string, string>> {
  const file = join(dataDir, 'demo', 'auditor.header')
  const [, authorization] = /^authorization: (.+)$/m.exec(await readText(file)) ?? []
  return authorization === undefined ? {} : { authorization }
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch {
    // There is no demo.
    return ''
  }
}

/** Every decision of the audit log but those about reading it, page by page, newest first. */
export async function allLogged(cluster: Cluster): Promise<LoggedDecision[]> {
  const found: LoggedDecision[] = []
  for (let after = ''; ; ) {
    const url = `${cluster.url('auditHttp')}/v1/decisions?limit=${PAGE_MAX}${after}`
    const headers = await auditorHeaders(cluster)
    const page = (await (await fetch(url, { headers })).json()) as {
      decisions: LoggedDecision[]
      next?: string
    }
    found.push(...page.decisions.filter(({ record }) => !isReading(record)))
    if (page.next === undefined || page.decisions.length === 0) return found
    after = `&after=${encodeURIComponent(page.next)}`
  }
}

/** Whether a decision is about who may read the log. */
export function isReading({ destination }: DecisionRecord): boolean {
  return destination.service === 'verdict-audit'
}

/**
 * The record of a decision, as soon as it has arrived: what the stream holds, which is exactly
 * what the audit API gives.
 */
export async function recordedDecision(
  cluster: Cluster,
  id: string | undefined,
): Promise<DecisionRecord> {
  const streamed = await streamedDecision(cluster, id)
  const logged = await loggedDecision(cluster, streamed.record.id)
  assert.deepEqual(logged.record, streamed.record)
  assert.equal(logged.hash, streamed.hash)
  return logged.record
}
