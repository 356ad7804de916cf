import { waitFor } from '@verdict/kit'
import { readConfig } from '@verdict/service'
import { expect, test } from 'vitest'
import { settings, shardPlanOf } from '../config.ts'
import type { PrunedShard, Retention } from './retention.ts'
import { startRetention } from './retention-job.ts'

test('it is pruned at the start and again and again, also after a failure', async () => {
  const periods: number[] = []
  const retention: Pick<Retention, 'prune'> = {
    async prune(periodMs) {
      periods.push(periodMs)
      if (periods.length === 1) throw new Error('the disk is full')
      return [{ shard: '2026-01', leaves: 7, decisions: 3 }]
    },
  }
  const pruned: PrunedShard[] = []
  const failures: unknown[] = []
  await using _job = startRetention({
    ...{ retention, periodMs: 5, everyMs: 1 },
    onPruned: (shard) => pruned.push(shard),
    onFailed: (error) => failures.push(error),
  })
  await waitFor(() => pruned.length >= 2, { deadlineMs: 10_000, what: 'the third run' })
  expect(failures).toMatchObject([{ message: 'the disk is full' }])
  expect([pruned[0]?.shard, new Set(periods)]).toEqual(['2026-01', new Set([5])])
})

test('the period is a duration in days, and kept for ever is the default', () => {
  const period = (env: Record<string, string>) => readConfig(settings, env, 'audit').retention
  expect(period({})).toBeUndefined()
  expect(period({ VERDICT_AUDIT_RETENTION: '400d' })).toBe(400 * 86_400_000)
  expect(() => period({ VERDICT_AUDIT_RETENTION: '1m' })).toThrow('VERDICT_AUDIT_RETENTION')
})

test('shards are monthly, unless it is said otherwise', () => {
  const plan = (env: Record<string, string>) => shardPlanOf(readConfig(settings, env, 'audit'))
  expect(plan({})).toEqual({ monthly: true, leavesMax: undefined })
  const bySize = { VERDICT_AUDIT_SHARDS: 'off', VERDICT_AUDIT_SHARD_LEAVES_MAX: '5000' }
  expect(plan(bySize)).toEqual({ monthly: false, leavesMax: 5_000 })
})
