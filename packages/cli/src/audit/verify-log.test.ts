import { cpSync, rmSync } from 'node:fs'
import path from 'node:path'
import { TestJournal, temporaryDirectory } from '@verdict/kit'
import {
  createSigner,
  encodeBundle,
  formatVerifierKey,
  KeyAlgorithm,
  type NoteSigner,
} from '@verdict/tlog'
import { expect, test } from 'vitest'
import { verdict } from '../../test/captured.ts'
import { sealedLeaves, WrittenLog } from '../../test/written-log.ts'

const ORIGIN = 'log.example/audit'

/** What `audit verify` says of a log, as JSON. */
async function verified(log: WrittenLog, ...args: readonly string[]) {
  const given = ['audit', 'verify', '--log', log.dir, '--key', log.vkey, '--json', ...args]
  const { code, out, err } = await verdict(given)
  return { code, err, said: out === '' ? undefined : JSON.parse(out) }
}

async function refuted(log: WrittenLog, ...args: readonly string[]) {
  const { code, said } = await verified(log, ...args)
  return {
    exit: code,
    code: said.error?.code,
    leaves: said.error?.leaves,
    shard: said.error?.shard,
  }
}

test('a whole log is verified, in lines for people and as JSON', async () => {
  await using dir = temporaryDirectory()
  const log = new WrittenLog(dir.path, ORIGIN).append(sealedLeaves(new TestJournal('authz-1'), 600))
  const { code, said } = await verified(log)
  expect(code).toBe(0)
  expect(said).toMatchObject({
    verified: true,
    shards: [{ origin: ORIGIN, size: 661, state: 'verified' }],
    leaves: 661,
    decisions: 600,
    journals: [{ instance: 'authz-1', records: 600, sealed: 600, missing: [] }],
  })
  const { out } = await verdict(['audit', 'verify', '--log', log.dir, '--key', log.vkey])
  expect(out).toContain(`${ORIGIN}: 661 leaves verified`)
  expect(out).toContain('authz-1, journal 1: places 1 to 600; all sealed')
})

test.each<[string, (log: WrittenLog) => void, string, [number, number] | undefined]>([
  ['an entry', (log) => log.flip('tile/entries/000', 70_000), 'tile_invalid', [115, 115]],
  [
    'the length of an entry',
    (log) => log.flip('tile/entries/001', 0),
    'entries_malformed',
    [256, 511],
  ],
  [
    'an entry at the end',
    (log) => log.flip('tile/entries/002.p/149', 20),
    'tile_invalid',
    [512, 512],
  ],
  ['a full tile', (log) => log.flip('tile/0/001', 5_000), 'tile_invalid', [256, 511]],
  ['the partial tile', (log) => log.flip('tile/0/002.p/149', 40), 'tile_invalid', [0, 660]],
  ['the tile above', (log) => log.flip('tile/1/000.p/2', 33), 'tile_invalid', [0, 660]],
  ['the checkpoint', (log) => log.flip('checkpoint', 30), 'note_signature_invalid', undefined],
  ['a bundle that is gone', (log) => remove(log, 'tile/entries/001'), 'tile_invalid', [256, 511]],
  ['a tile that is gone', (log) => remove(log, 'tile/0/001'), 'tile_invalid', [256, 511]],
  [
    'the checkpoint that is gone',
    (log) => remove(log, 'checkpoint'),
    'checkpoint_malformed',
    undefined,
  ],
  ['leaves in another order', swap, 'tile_invalid', [512, 512]],
  ['another key', (log) => log.sign([signer(2)]), 'note_unverified', undefined],
])('what is changed is found, with its range: %s', async (_what, tamper, code, range) => {
  await using dir = temporaryDirectory()
  const leaves = sealedLeaves(new TestJournal('authz-1'), 600)
  const log = new WrittenLog(dir.path, ORIGIN).append(leaves)
  tamper(log)
  const shard = range === undefined && code !== 'tile_invalid' ? log.dir : ORIGIN
  const leavesSaid = range && { from: range[0], to: range[1] }
  expect(await refuted(log)).toEqual({ exit: 1, code, shard, leaves: leavesSaid })
})

test('whoever has the key of the log cannot leave out or make up records', async () => {
  await using dir = temporaryDirectory()
  const journal = new TestJournal('authz-1')
  const leaves = sealedLeaves(journal, 600)
  const write = (name: string, changed: readonly string[]): WrittenLog =>
    new WrittenLog(path.join(dir.path, name), ORIGIN).append(changed)
  const dropped = write('dropped', leaves.toSpliced(300, 1))
  expect(await refuted(dropped)).toMatchObject({ exit: 1, leaves: { from: 300, to: 300 } })
  const cut = write('cut', leaves.toSpliced(12, 22))
  expect(await refuted(cut)).toMatchObject({ code: 'gap_hidden', leaves: { from: 12, to: 12 } })
  const { hash, json } = journal.append({ principal: 'nobody' })
  const madeUp = write('made-up', [...leaves, `${hash} ${json}`])
  expect(await refuted(madeUp)).toMatchObject({
    exit: 1,
    code: 'record_unsealed',
    leaves: { from: 661, to: 661 },
  })
  const { err } = await verified(madeUp)
  expect(err).toContain(`${ORIGIN}, leaf 661: the record of place 601 of authz-1`)
})

test('a log that was rolled back, or has another history, does not hold what was kept', async () => {
  await using dir = temporaryDirectory()
  const kept = path.join(dir.path, 'kept')
  const journal = new TestJournal('authz-1')
  const log = new WrittenLog(path.join(dir.path, 'log'), ORIGIN).append(sealedLeaves(journal, 100))
  cpSync(log.dir, path.join(dir.path, 'backup'), { recursive: true })
  expect((await verified(log, '--save-checkpoint', kept)).code).toBe(0)
  log.append(sealedLeaves(journal, 200))
  const since = ['--since-checkpoint', kept]
  const { code, said } = await verified(log, ...since, '--save-checkpoint', kept)
  expect([code, said.holds]).toEqual([0, { origin: ORIGIN, size: 111 }])
  const backup = new WrittenLog(path.join(dir.path, 'backup'), ORIGIN)
  expect(await refuted(backup, ...since)).toMatchObject({ exit: 1, code: 'log_rolled_back' })
  const other = sealedLeaves(new TestJournal('authz-1'), 400)
  const fork = new WrittenLog(path.join(dir.path, 'fork'), ORIGIN).append(other)
  expect(await refuted(fork, ...since)).toEqual({
    exit: 1,
    code: 'log_forked',
    shard: ORIGIN,
    leaves: { from: 0, to: 330 },
  })
})

test('shards follow one on another, by the key of the log', async () => {
  await using dir = temporaryDirectory()
  const journal = new TestJournal('authz-1')
  const base = new WrittenLog(dir.path, ORIGIN)
  const begin = (name: string, before?: WrittenLog): WrittenLog => {
    const shard = new WrittenLog(path.join(dir.path, name), `${ORIGIN}/${name}`)
    return shard.append([shardLeaf(name, before)])
  }
  const first = begin('2026-10').append(sealedLeaves(journal, 300))
  const second = begin('2026-11', first).append(sealedLeaves(journal, 50))
  begin('2026-11-2', second).append(sealedLeaves(journal, 10))
  const { code, said } = await verified(base)
  expect([code, said.shards.length, said.journals.length, said.decisions]).toEqual([0, 3, 1, 360])
  // The second one is changed after the third one has told of it.
  second.append(sealedLeaves(new TestJournal('authz-2'), 1))
  expect(await refuted(base)).toMatchObject({ code: 'shards_apart', shard: `${ORIGIN}/2026-11-2` })
  rmSync(path.join(dir.path, '2026-10'), { recursive: true })
  expect(await refuted(base)).toMatchObject({ code: 'shards_apart', shard: `${ORIGIN}/2026-11` })
})

test('entries may have been removed where the log says so, and nowhere else', async () => {
  await using dir = temporaryDirectory()
  const journal = new TestJournal('authz-1')
  const of = { instance: journal.instance, epoch: journal.epoch }
  const first = new WrittenLog(path.join(dir.path, '2026-10'), `${ORIGIN}/2026-10`)
  first.append([shardLeaf('2026-10'), ...sealedLeaves(journal, 300)])
  const { hash, record } = journal.lines.at(-1) ?? { hash: '', record: { n: 0 } }
  const head = { dropped: 0, epoch: of.epoch, hash, ...{ instance: of.instance, last: record.n } }
  const chains = JSON.stringify({
    chains: { heads: [{ ...head, sealed: 300, seenAtMs: 1 }] },
    v: 1,
  })
  const begin = [shardLeaf('2026-11', first), chains, journal.key.line(of)]
  const second = new WrittenLog(path.join(dir.path, '2026-11'), `${ORIGIN}/2026-11`)
  second.append([...begin, ...sealedLeaves(journal, 20)])
  const log = new WrittenLog(dir.path, ORIGIN)
  expect((await verified(log)).said).toMatchObject({ journals: [{ records: 320 }] })
  rmSync(path.join(first.dir, 'tile/entries'), { recursive: true })
  const shard = `${ORIGIN}/2026-10`
  expect(await refuted(log)).toMatchObject({ exit: 1, code: 'shards_apart', shard })
  second.append([JSON.stringify({ pruned: { shard: '2026-10' }, v: 1 })])
  const { code, said } = await verified(log)
  expect([code, said]).toMatchObject([
    0,
    {
      shards: [{ state: 'pruned' }, { state: 'verified' }],
      journals: [{ records: 20, sealed: 20, missing: [], removed: [{ from: 1, to: 300 }] }],
    },
  ])
  first.flip('tile/0/000', 5)
  expect(await refuted(log)).toMatchObject({ exit: 1, code: 'tile_invalid', shard })
})

test('it says of an instance what is missing, and ends with 1 where something is', async () => {
  await using dir = temporaryDirectory()
  const journal = new TestJournal('authz-1', Date.parse('2026-03-01T00:00:00Z'))
  const log = new WrittenLog(dir.path, ORIGIN).append(sealedLeaves(journal, 100))
  const asked = (instance: string, ...args: readonly string[]) =>
    verdict([
      'audit',
      'verify',
      '--log',
      log.dir,
      '--key',
      log.vkey,
      '--instance',
      instance,
      ...args,
    ])
  const to = ['--to', '2026-04-01T00:00:00Z']
  const there = await asked('authz-1', '--from', '2026-03-01T00:00:00Z', ...to)
  expect(there.code).toBe(0)
  expect(there.out).toContain(
    'nothing of authz-1 between 2026-03-01T00:00:00.000Z and 2026-04-01T00:00:00.000Z is missing: ' +
      `places 1 to 100 of journal ${journal.epoch} are all there`,
  )
  expect(there.out).toContain("can't be said")
  const unknown = await asked('authz-9', ...to)
  expect([unknown.code, unknown.out]).toEqual([1, expect.stringContaining('no such instance')])
})

test('enough witnesses have to have signed where a policy asks for them', async () => {
  await using dir = temporaryDirectory()
  const log = new WrittenLog(path.join(dir.path, 'log'), ORIGIN).append(
    sealedLeaves(new TestJournal('authz-1'), 5),
  )
  const witness = createSigner('w.example', KeyAlgorithm.ed25519Cosignature, new Uint8Array(32))
  const vkey = formatVerifierKey(witness.verifier)
  const policy = `log ${log.vkey}\nwitness w1 ${vkey}\nquorum w1\n`
  const file = path.join(dir.path, 'policy')
  log.put('../policy', Buffer.from(policy))
  const args = ['audit', 'verify', '--log', log.dir, '--policy', file]
  const without = await verdict(args)
  expect([without.code, without.err]).toEqual([1, expect.stringContaining('too few witnesses')])
  log.sign([log.signer, witness])
  const { code, out } = await verdict(args)
  expect([code, out]).toEqual([0, expect.stringContaining('witnessed by w1 at 2026-05-28T')])
})

test('a log that cannot be read is a fault, which says nothing about it', async () => {
  const key = formatVerifierKey(signer(1).verifier)
  const gone = await verdict(['audit', 'verify', '--log', '/nowhere/log', '--key', key])
  expect([gone.code, gone.err]).toEqual([3, expect.stringContaining('holds no log')])
  const url = 'http://127.0.0.1:1/'
  const closed = await verdict(['audit', 'verify', '--log', url, '--key', key, '--json'])
  expect(closed.code).toBe(3)
  expect(JSON.parse(closed.out)).toMatchObject({ error: { code: 'audit_unavailable' } })
  expect((await verdict(['audit', 'verify', '--log', url])).code).toBe(2)
})

/** The first leaf of a shard. */
function shardLeaf(name: string, before?: WrittenLog): string {
  const previous = before && {
    origin: before.signer.verifier.name,
    root: Buffer.from(before.head.root).toString('base64'),
    size: before.head.size,
  }
  return JSON.stringify({ shard: { name, ...(previous && { previous }) }, v: 1 })
}

function signer(seed: number): NoteSigner {
  return createSigner(ORIGIN, KeyAlgorithm.ed25519, new Uint8Array(32).fill(seed))
}

function remove({ dir }: WrittenLog, file: string): void {
  rmSync(path.join(dir, file))
}

/** The first two leaves of the last bundle change places. */
function swap(log: WrittenLog): void {
  const entries = log.leaves.slice(512).map((leaf) => Buffer.from(leaf))
  const [first, second, ...rest] = entries
  if (first && second) log.put('tile/entries/002.p/149', encodeBundle([second, first, ...rest]))
}
