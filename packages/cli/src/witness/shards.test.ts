import path from 'node:path'
import { temporaryDirectory } from '@verdict/kit'
import { expect, test } from 'vitest'
import { GrowingLog } from '../../test/growing-log.ts'
import { RunningWitness } from '../../test/running-witness.ts'

const ORIGIN = 'logs.example/audit'

test('a log that is named covers its shards, which have its key under their names', async () => {
  await using folder = temporaryDirectory()
  const args = ['--state-dir', path.join(folder.path, 'w'), '--log', new GrowingLog(ORIGIN).vkey]
  const [october, november] = ['2026-10', '2026-11'].map(
    (shard) => new GrowingLog(`${ORIGIN}/${shard}`),
  ) as [GrowingLog, GrowingLog]
  {
    await using witness = await RunningWitness.start(...args)
    expect(await witness.follow(october.grow(5))).toMatchObject({ status: 200 })
    const answer = await witness.follow(november.grow(3))
    expect(witness.cosignatures(answer, november)).toHaveLength(2)
    // Each shard is a log of its own: what is in one says nothing about the other.
    const forked = new GrowingLog(`${ORIGIN}/2026-11`, { entries: 'lie' }).grow(3)
    expect(await witness.add(await forked.request(3))).toMatchObject({ status: 422 })
  }
  await using again = await RunningWitness.start(...args)
  expect(again.out).toContain(`log    ${ORIGIN}/2026-11, cosigned up to 3 entries`)
  expect(await again.add(await november.grow(2).request(3))).toMatchObject({ status: 200 })
})

test('what only looks like a shard of a log is not witnessed', async () => {
  await using folder = temporaryDirectory()
  const args = ['--state-dir', path.join(folder.path, 'w'), '--log', new GrowingLog(ORIGIN).vkey]
  await using witness = await RunningWitness.start(...args)
  for (const origin of ['logs.example', `${ORIGIN}-2`, `${ORIGIN}/a/b`, `${ORIGIN}/`]) {
    const status = (await witness.follow(new GrowingLog(origin).grow(1))).status
    expect([origin, status]).toEqual([origin, 404])
  }
  const other = new GrowingLog(`${ORIGIN}/2026-11`, { seed: 9 }).grow(1)
  expect((await witness.follow(other)).status).toBe(403)
})
