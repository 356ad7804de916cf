import { cpSync, renameSync, rmSync } from 'node:fs'
import path from 'node:path'
import type { JournalLine } from '@verdict/contract'
import { freePort, TestJournal, temporaryDirectory, WitnessProcess, waitFor } from '@verdict/kit'
import {
  formatVerifierKey,
  generateSignerKey,
  KeyAlgorithm,
  leafHash,
  parseContradiction,
  parseSignerKey,
  parseTrustPolicy,
  parseVerifierKey,
  trustCheckpoint,
  verifyContradiction,
  verifyTlogProof,
} from '@verdict/tlog'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Store } from '../src/store.ts'
import { witnessHealth } from '../src/witnesses/witness-events.ts'
import { parseWitnessPolicy } from '../src/witnesses/witness-policy.ts'
import type { WitnessEvent } from '../src/witnesses/witnesses.ts'

const SOON = { deadlineMs: 20_000 }
const scratch = temporaryDirectory()
const ALL = { before: Number.MAX_SAFE_INTEGER, limit: 100 }
/** The keys of the logs, each with a record in it. */
const vkeys: Record<'quorum' | 'waiting' | 'rollback', string> = {
  quorum: '',
  waiting: '',
  rollback: '',
}
let first: WitnessProcess
let second: WitnessProcess
let nobody = ''

beforeAll(async () => {
  for (const name of ['quorum', 'waiting', 'rollback'] as const) {
    using store = await Store.open({ dir: dirOf(name), origin: `logs.example/${name}` })
    record(store, 'pdp', 1)
    vkeys[name] = store.verifierKey
  }
  ;[first, second] = await Promise.all([startWitness('w1'), startWitness('w2')])
  const down = parseSignerKey(generateSignerKey('w3', KeyAlgorithm.ed25519Cosignature)).verifier
  nobody = `witness w3 ${formatVerifierKey(down)} http://127.0.0.1:${await freePort()}/`
})

afterAll(async () => {
  await Promise.all([first.end(), second.end()])
  await scratch[Symbol.asyncDispose]()
})

async function startWitness(name: string): Promise<WitnessProcess> {
  return await WitnessProcess.start({ name, stateDir: dirOf(name), logs: Object.values(vkeys) })
}

function dirOf(name: string): string {
  return path.join(scratch.path, name)
}

function policyOf(vkey: string, quorum: string, ...lines: readonly string[]): string {
  return `log ${vkey}\n${lines.join('\n')}\n${quorum}\n`
}

/** Records of a journal of its own; the first of them. */
function record(store: Store, instance: string, count: number): JournalLine | undefined {
  const journal = new TestJournal(instance)
  store.record(journal.message(journal.appendAll(count), 1))
  return journal.lines[0]
}

async function open(
  dir: string,
  policy: string,
  events: WitnessEvent[] = [],
  coverMs = 10_000,
): Promise<Store> {
  const watch = {
    opened: () => undefined,
    progress: () => undefined,
    published: () => undefined,
    failed: (error: unknown) => expect.fail(String(error)),
    witness: (event: WitnessEvent) => events.push(event),
  }
  return await Store.open({ dir, witnessPolicy: parseWitnessPolicy(policy), coverMs, watch })
}

test('two of three witnesses are enough, and receipts have their cosignatures', async () => {
  const [dir, vkey] = [dirOf('quorum'), vkeys.quorum]
  const three = [first.policyLine, second.policyLine, nobody]
  const policy = policyOf(vkey, 'group enough 2 w1 w2 w3\nquorum enough', ...three)
  let shown = 0
  {
    using store = await open(dir, policy)
    const line = record(store, 'pdp-2', 300)
    const receipt = await store.receipt(line?.record.id ?? '')
    const leaf = leafHash(Buffer.from(`${line?.hash} ${line?.json}`))
    const { witnesses, checkpoint } = verifyTlogProof(receipt ?? '', leaf, parseTrustPolicy(policy))
    expect(witnesses.map(({ name }) => name)).toEqual(['w1', 'w2'])
    await waitFor(() => store.witnesses?.witnesses.at(-1)?.failure !== undefined, {
      ...SOON,
      what: 'the one that is down to be told',
    })
    expect(witnessHealth(store.witnesses)).toMatchObject({
      ok: true,
      detail: expect.stringMatching(/w3: `http:.*` did not answer/),
    })
    shown = checkpoint.size
  }
  // What was witnessed is shown by the next process before anybody is asked.
  {
    using again = await open(dir, policy)
    expect(again.shown?.size).toBeGreaterThanOrEqual(shown)
    trustCheckpoint(again.shown?.note ?? '', parseTrustPolicy(policy))
  }
  // But not where the policy wants others by now.
  using other = await open(dir, policyOf(vkey, 'quorum w3', ...three))
  expect(other.shown).toBeUndefined()
})

test('without enough witnesses no receipt is given, until they are there', async () => {
  const [dir, vkey] = [dirOf('waiting'), vkeys.waiting]
  const both = [first.policyLine, second.policyLine]
  const policy = policyOf(vkey, 'group both all w1 w2\nquorum both', ...both)
  second.signal('SIGSTOP')
  try {
    using store = await open(dir, policy, [], 300)
    const line = record(store, 'pdp-2', 1)
    expect(await store.receipt(line?.record.id ?? '')).toBe('uncovered')
    expect(store.shown).toBeUndefined()
    second.signal('SIGCONT')
    const covered = async (): Promise<string | undefined> =>
      await store.receipt(line?.record.id ?? '')
    await waitFor(async () => (await covered()) !== 'uncovered', { ...SOON, what: 'a receipt' })
    const { witnesses } = trustCheckpoint(store.shown?.note ?? '', parseTrustPolicy(policy))
    expect(witnesses.map(({ name }) => name)).toEqual(['w1', 'w2'])
  } finally {
    second.signal('SIGCONT')
  }
})

test('a log that was put back is refused by its witnesses, and it is on the record', async () => {
  const [dir, vkey] = [dirOf('rollback'), vkeys.rollback]
  cpSync(dir, dirOf('backup'), { recursive: true })
  const policy = policyOf(vkey, 'quorum w1', first.policyLine)
  const events: WitnessEvent[] = []
  const contradictions = (): WitnessEvent[] => events.filter(({ kind }) => kind === 'contradiction')
  let size = 0
  {
    using store = await open(dir, policy)
    const line = record(store, 'pdp-true', 20)
    expect(await store.receipt(line?.record.id ?? '')).toContain('tlog-proof@v1')
    size = store.shown?.size ?? 0
  }
  // What was witnessed is a part of the log: where it is left, the log is known to be older.
  const kept = path.join(dirOf('backup'), 'log/checkpoint.witnessed')
  cpSync(path.join(dir, 'log/checkpoint.witnessed'), kept)
  await expect(open(dirOf('backup'), policy)).rejects.toMatchObject({ code: 'log_older' })
  // A backup of everything: nothing on this disk tells that there was more.
  rmSync(kept)
  rmSync(dir, { recursive: true })
  renameSync(dirOf('backup'), dir)
  using store = await open(dir, policy, events)
  await waitFor(() => contradictions().length > 0, { ...SOON, what: 'the witness to object' })
  expect(witnessHealth(store.witnesses)).toMatchObject({
    ok: false,
    detail: expect.stringContaining(`has cosigned ${size} entries of this log, which has`),
  })
  const [finding] = store.findings(ALL)
  expect(finding).toMatchObject({ kind: 'witness_contradiction' })
  expect(Buffer.from(store.evidence(finding?.id ?? 0) ?? []).toString()).toContain(
    `rollback\\n${size}\\n`,
  )
  // It goes on with another history, which is a proof against whoever has the key.
  record(store, 'pdp-false', 40)
  const proof = (): string | undefined =>
    contradictions()
      .map((event) => ('evidence' in event ? Buffer.from(event.evidence).toString() : ''))
      .find((text) => text.includes('verdict/tlog-contradiction@v1'))
  const text = await waitFor(proof, { ...SOON, what: 'the proof of two histories' })
  const { older } = verifyContradiction(parseContradiction(text), [parseVerifierKey(vkey)])
  expect(older.size).toBe(size)
  expect(store.shown).toBeUndefined()
})

test('a policy that is not for this log, or asks nobody, is refused', async () => {
  const foreign = parseSignerKey(generateSignerKey('other', KeyAlgorithm.ed25519)).verifier
  const policy = `log ${formatVerifierKey(foreign)}\n${first.policyLine}\nquorum w1\n`
  await expect(open(dirOf('quorum'), policy)).rejects.toMatchObject({
    code: 'witness_policy_wrong',
  })
  expect(() => parseWitnessPolicy(`witness w ${first.vkey}\nquorum w\n`)).toThrow(/no witness.*URL/)
})
