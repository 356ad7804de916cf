import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { temporaryDirectory } from '@verdict/kit'
import {
  ADD_CHECKPOINT_BYTES_MAX,
  KeyAlgorithm,
  NOTE_SIGNATURES_MAX,
  openNote,
  parseContradiction,
  parseNote,
  parseTrustPolicy,
  parseVerifierKey,
  trustCheckpoint,
  verifyContradiction,
} from '@verdict/tlog'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { GrowingLog } from '../../test/growing-log.ts'
import { RunningWitness } from '../../test/running-witness.ts'
import { CliErrorCode } from '../errors.ts'
import { EVIDENCE_FILES_MAX } from './evidence-files.ts'
import { originHash } from './origin-hash.ts'
import { LOG_KEYS_MAX } from './witnessed-logs.ts'

const ORIGIN = 'log.example/2026'

let folder: ReturnType<typeof temporaryDirectory>
let log: GrowingLog
let witness: RunningWitness

beforeEach(async () => {
  folder = temporaryDirectory()
  log = new GrowingLog(ORIGIN)
  witness = await RunningWitness.start('--state-dir', folder.path, '--log', log.vkey)
})

afterEach(async () => {
  await witness.stop()
  await folder[Symbol.asyncDispose]()
})

/** The same log to those who look at its key, with another history. */
function fork(): GrowingLog {
  return new GrowingLog(ORIGIN, { entries: 'lie' })
}

function evidence(): string[] {
  const dir = path.join(folder.path, 'evidence')
  const files = readdirSync(dir, { recursive: true, encoding: 'utf8' })
  return files.filter((file) => file.endsWith('.json')).map((file) => path.join(dir, file))
}

test('a log that grows is cosigned with both keys, and whoever trusts the witness sees it', async () => {
  const [ed25519, mlDsa44] = witness.vkeys
  const policy = parseTrustPolicy(
    `log ${log.vkey}\nwitness a ${ed25519}\nwitness b ${mlDsa44}\ngroup g all a b\nquorum g\n`,
  )
  let known = 0
  for (const count of [1, 1, 40, 214, 1, 300]) {
    const answer = await witness.add(await log.grow(count).request(known))
    expect(answer).toMatchObject({ status: 200, type: 'text/plain; charset=utf-8' })
    const made = witness.cosignatures(answer, log)
    expect(made.map(({ verifier }) => verifier.algorithm)).toEqual([
      KeyAlgorithm.ed25519Cosignature,
      KeyAlgorithm.mlDsa44Cosignature,
    ])
    for (const { seconds = 0 } of made)
      expect(Math.abs(seconds - Date.now() / 1000)).toBeLessThan(60)
    known = log.size
    const monitored = await witness.monitored(log)
    expect(monitored).toMatchObject({ status: 200, type: 'text/plain; charset=utf-8' })
    const trusted = trustCheckpoint(monitored.body, policy)
    expect(trusted.checkpoint.size).toBe(known)
    expect(trusted.witnesses.map(({ name }) => name)).toEqual(['a', 'b'])
  }
  expect(witness.out).toContain(`cosigning ${ORIGIN}, which has 1 entries`)
})

test('the newest tree is cosigned as often as the log asks', async () => {
  log.grow(7)
  await witness.add(await log.request(0))
  for (let i = 0; i < 3; i++) {
    const again = await witness.add(await log.request(7))
    expect(again.status).toBe(200)
    expect(witness.cosignatures(again, log)).toHaveLength(2)
  }
})

test('signatures of others on a checkpoint are neither kept nor shown', async () => {
  log.grow(3)
  const stranger = new GrowingLog('stranger.example', { seed: 9 }).grow(3)
  const [foreign] = parseNote(stranger.checkpoint()).signatures
  const line = stranger.checkpoint().split('\n').at(-2)
  const body = `${await log.request(0)}${line}\n`
  expect((await witness.add(body)).status).toBe(200)
  const { signatures } = parseNote((await witness.monitored(log)).body)
  expect(signatures.map(({ name }) => name)).not.toContain(foreign?.name)
  expect(signatures).toHaveLength(3)
})

test('a log that asks from another size is told the one that the witness knows', async () => {
  const first = await witness.add(await log.grow(5).request(2))
  expect(first).toEqual({ status: 409, type: 'text/x.tlog.size', body: '0\n' })
  await witness.follow(log)
  const behind = await witness.add(await log.grow(5).request(3))
  expect(behind).toEqual({ status: 409, type: 'text/x.tlog.size', body: '5\n' })
  expect(await witness.follow(log)).toMatchObject({ status: 200 })
})

test('nothing goes backwards: a smaller tree is refused, whatever it asks from', async () => {
  const small = new GrowingLog(ORIGIN).grow(20)
  await witness.follow(log.grow(40))
  for (const [oldSize, status] of [
    [0, 409],
    [20, 409],
    [40, 400],
  ] as const) {
    expect(await witness.add(await small.request(oldSize))).toMatchObject({ status })
  }
  expect((await witness.monitored(log)).body).toContain('\n40\n')
  expect(evidence()).toEqual([])
})

test('two histories of one size: refused, and the proof is kept, told and counted', async () => {
  const lie = fork().grow(40)
  await witness.follow(log.grow(40))
  expect(await witness.add(await lie.request(40))).toMatchObject({ status: 422 })
  expect(await witness.add(await lie.request(0))).toMatchObject({ status: 409 })
  expect(await witness.add(await lie.request(41))).toMatchObject({ status: 400 })
  const [file = '', ...more] = evidence()
  expect(more).toEqual([])
  const proof = parseContradiction(readFileSync(file, 'utf8'))
  const { older, newer } = verifyContradiction(proof, [log.signer.verifier])
  expect([older.size, newer.size]).toEqual([40, 40])
  expect(witness.err).toContain(`FORK ${ORIGIN} has signed two trees`)
  expect(witness.err.match(/FORK/g)).toHaveLength(1)
  expect(witness.err).toContain(file)
  const { body: metrics } = await witness.get('/metrics')
  expect(metrics).toContain(`verdict_witness_forks_total{origin="${ORIGIN}"} 3`)
  expect(metrics).toContain('verdict_witness_evidence_files 1')
})

test('a log that proves a past that it made up convicts itself', async () => {
  await witness.follow(log.grow(300))
  const lie = fork().grow(300)
  const grown = lie.grow(100)
  expect(await witness.add(await grown.request(300))).toMatchObject({ status: 422 })
  const [file = ''] = evidence()
  const proof = parseContradiction(readFileSync(file, 'utf8'))
  const { older, newer } = verifyContradiction(proof, [log.signer.verifier])
  expect([older.size, newer.size]).toEqual([300, 400])
  expect((await witness.follow(log.grow(1))).status).toBe(200)
})

test('a proof that is wrong accuses nobody', async () => {
  await witness.follow(log.grow(300))
  const body = await log.grow(100).request(300)
  const [old = '', hash = '', ...rest] = body.split('\n')
  const wrong = [old, `A${hash.slice(1)}`, ...rest].join('\n')
  expect(wrong).not.toBe(body)
  expect(await witness.add(wrong)).toMatchObject({ status: 422 })
  expect(await witness.add([old, ...rest].join('\n'))).toMatchObject({ status: 422 })
  expect(evidence()).toEqual([])
  expect(witness.err).toMatch(/^refused log.example\/2026: the proof of consistency/)
  expect(await witness.add(body)).toMatchObject({ status: 200 })
})

test('of two contradicting trees that come at once, exactly one is cosigned', async () => {
  const histories = Array.from({ length: 12 }, (_, i) => {
    return new GrowingLog(ORIGIN, { entries: `history ${i}` }).grow(50)
  })
  const bodies = await Promise.all(histories.map((history) => history.request(0)))
  const answers = await Promise.all(bodies.map((body) => witness.add(body)))
  const won = answers.flatMap(({ status }, i) => (status === 200 ? [histories[i]] : []))
  expect(won).toHaveLength(1)
  expect(answers.filter(({ status }) => status === 409)).toHaveLength(11)
  const [winner] = won
  const monitored = openNote((await witness.monitored(log)).body, [log.signer.verifier])
  expect(monitored.text).toBe(winner && parseNote(winner.checkpoint()).text)

  const next = histories.map((history) => history.grow(5))
  const grown = await Promise.all(next.map((history) => history.request(50)))
  const second = await Promise.all(grown.map((body) => witness.add(body)))
  expect(second.flatMap(({ status }, i) => (status === 200 ? [next[i]] : []))).toEqual(won)
})

test('whoever is not the log is refused', async () => {
  const unknown = new GrowingLog('other.example').grow(3)
  expect(await witness.add(await unknown.request(0))).toMatchObject({
    status: 404,
    body: expect.stringContaining('"log_unknown"'),
  })
  const impostor = new GrowingLog(ORIGIN, { seed: 2 }).grow(3)
  expect(await witness.add(await impostor.request(0))).toMatchObject({ status: 403 })
  const changed = (await log.grow(9).request(0)).replace('\n9\n', '\n8\n')
  expect(await witness.add(changed)).toMatchObject({ status: 403 })
  expect(await witness.monitored(log)).toMatchObject({ status: 404 })
  expect(await witness.get(`/${originHash('other.example')}/checkpoint`)).toMatchObject({
    status: 404,
  })
  expect(readdirSync(path.join(folder.path, 'logs'))).toEqual([])
})

test('bodies that are no requests are refused, and too long ones not read', async () => {
  const valid = await log.grow(3).request(0)
  const signature = valid.split('\n').at(-2)
  for (const body of [
    '',
    'old 0\n',
    valid.replace('old 0', 'old x'),
    valid.replace('old 0', 'old 00'),
    valid.slice(0, -1),
    valid.replace(ORIGIN, `${ORIGIN}\u0000`),
    `${valid}${`${signature}\n`.repeat(64)}`,
    Buffer.concat([Buffer.from(valid), Uint8Array.of(0xff, 0x0a)]),
  ]) {
    const answer = await witness.add(body)
    expect(answer.status, String(body)).toBe(400)
    expect(answer.body).toContain('"error"')
  }
  expect(await witness.add(`old 0\n\n${'x'.repeat(400_000)}`)).toMatchObject({ status: 413 })
  // Whatever a client says of what it sends, even that it is JSON.
  for (const type of ['application/json', 'application/octet-stream', 'text/plain', '']) {
    expect(
      await witness.add(valid.replace('old 0', 'old 1'), { 'content-type': type }),
      type,
    ).toMatchObject({ status: 409 })
  }
  expect((await witness.get('/add-checkpoint')).status).toBe(404)
})

test('a proof is kept once, and 16 of a log at most', async () => {
  await witness.follow(log.grow(40))
  for (let i = 0; i < 18; i++) {
    const lie = new GrowingLog(ORIGIN, { entries: `lie ${i}` }).grow(40)
    expect(await witness.add(await lie.request(40))).toMatchObject({ status: 422 })
  }
  expect(evidence()).toHaveLength(16)
  expect((await witness.get('/metrics')).body).toContain(
    `verdict_witness_forks_total{origin="${ORIGIN}"} 18`,
  )
})

test('it is alive and ready, and counts what it answers', async () => {
  await witness.follow(log.grow(3))
  await witness.add('nonsense')
  expect(await witness.get('/healthz')).toMatchObject({ status: 200 })
  expect(await witness.get('/readyz')).toMatchObject({ status: 200 })
  const { body } = await witness.get('/metrics')
  expect(body).toContain('verdict_witness_requests_total{status="200"} 1')
  expect(body).toContain('verdict_witness_requests_total{status="400"} 1')
  expect(body).toContain(`verdict_witness_cosigned_size{origin="${ORIGIN}"} 3`)
})

test('docs/witness.md has every metric, every refusal to start and the bounds', async () => {
  const page = readFileSync(
    path.resolve(import.meta.dirname, '../../../../docs/witness.md'),
    'utf8',
  )
  await witness.follow(log.grow(3))
  const { body } = await witness.get('/metrics')
  const named = (text: string, pattern: RegExp): string[] =>
    [...new Set([...text.matchAll(pattern)].map(([, name = '']) => name))].toSorted()
  expect(named(page, /^\| `(verdict_witness_\w+)/gm)).toEqual(named(body, /^# TYPE (\w+)/gm))
  const codes = Object.values(CliErrorCode).filter((code) => /^witness_(state|name)/.test(code))
  expect(named(page, /^\| `(witness_\w+)` \|/gm)).toEqual(codes.toSorted())
  for (const bound of [ADD_CHECKPOINT_BYTES_MAX, LOG_KEYS_MAX, NOTE_SIGNATURES_MAX]) {
    expect(page).toContain(` ${bound.toLocaleString('en')} `)
  }
  expect(page).toContain(`and ${EVIDENCE_FILES_MAX} for each log`)
})

test('logs may be listed in a file, and a log may have two keys', async () => {
  const [another, rotated] = [new GrowingLog('b.example'), new GrowingLog(ORIGIN, { seed: 5 })]
  const file = path.join(folder.path, 'logs.txt')
  writeFileSync(file, `# ours\n${log.vkey}\n\n  ${rotated.vkey}\n# theirs\n${another.vkey}\n`)
  const state = path.join(folder.path, 'second')
  await using second = await RunningWitness.start('--state-dir', state, '--logs', file)
  expect(await second.follow(another.grow(3))).toMatchObject({ status: 200 })
  expect(await second.follow(log.grow(3))).toMatchObject({ status: 200 })
  const byNewKey = await second.add(await rotated.grow(5).request(3))
  expect(byNewKey).toMatchObject({ status: 200 })
  expect(parseVerifierKey(second.vkeys[0] ?? '').name).toBeTruthy()
})
