import { cpSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { temporaryDirectory } from '@verdict/kit'
import { parseCheckpoint, parseNote } from '@verdict/tlog'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { verdict } from '../../test/captured.ts'
import { GrowingLog } from '../../test/growing-log.ts'
import { RunningWitness } from '../../test/running-witness.ts'
import { originHash } from './origin-hash.ts'

const ORIGIN = 'log.example'
const CYCLES = 8
const CHECKPOINT = `logs/${originHash(ORIGIN)}.checkpoint`

let folder: ReturnType<typeof temporaryDirectory>
let log: GrowingLog

beforeEach(() => {
  folder = temporaryDirectory()
  log = new GrowingLog(ORIGIN)
})

afterEach(() => folder[Symbol.asyncDispose]())

function at(name: string): string {
  return path.join(folder.path, name)
}

function args(state = 'state'): string[] {
  return ['--state-dir', at(state), '--log', log.vkey]
}

/** Runs a witness up to each of these sizes, one after another. */
async function witnessed(...sizes: readonly number[]): Promise<void> {
  for (const size of sizes) {
    await using witness = await RunningWitness.start(...args())
    expect(await witness.follow(log.grow(size - log.size))).toMatchObject({ status: 200 })
  }
}

/** What a start that must not succeed says. */
async function refusal(...extra: readonly string[]): Promise<string> {
  const { code, err } = await verdict(['witness', '--listen', '127.0.0.1:0', ...args(), ...extra])
  expect(code).toBe(1)
  return err
}

test('a witness that starts again has its keys and knows what it cosigned', async () => {
  let vkeys: readonly string[] = []
  {
    await using witness = await RunningWitness.start(...args(), '--name', 'w.example')
    await witness.follow(log.grow(30))
    vkeys = witness.vkeys
    expect(vkeys.map((vkey) => vkey.split('+')[0])).toEqual(['w.example', 'w.example'])
  }
  for (const key of ['ed25519.key', 'ml-dsa-44.key']) {
    expect(statSync(at(`state/${key}`)).mode & 0o777).toBe(0o600)
  }
  await using again = await RunningWitness.start(...args())
  expect(again.vkeys).toEqual(vkeys)
  expect(again.out).toContain(`log    ${ORIGIN}, cosigned up to 30 entries`)
  expect((await again.monitored(log)).body).toContain('\n30\n')
  const lie = new GrowingLog(ORIGIN, { entries: 'lie' }).grow(30)
  expect(await again.add(await lie.request(30))).toMatchObject({ status: 422 })
  expect(await again.add(await log.grow(3).request(30))).toMatchObject({ status: 200 })
})

test('killed at any moment, it never cosigns two histories and never goes back', async () => {
  const histories = [log, new GrowingLog(ORIGIN, { entries: 'lie' })]
  const cosigned: { size: number; entries: number }[] = []
  for (let cycle = 0; cycle < CYCLES; cycle++) {
    const witness = await RunningWitness.spawn(...args())
    const killAfter = 1 + cycle * 2
    let asked = 0
    const ask = async (entries: number): Promise<void> => {
      const history = histories[entries]
      for (let i = 0; history !== undefined && i < 40; i++) {
        const answer = await witness.follow(history.grow(1))
        if (answer.status === 200) {
          expect(witness.cosignatures(answer, history)).toHaveLength(2)
          cosigned.push({ size: history.size, entries })
        }
        asked += 1
        if (asked === killAfter) void witness.stop('SIGKILL')
      }
    }
    // Those that are under way when it is killed get no answer.
    await Promise.allSettled([ask(0), ask(1)])
    await witness.stop('SIGKILL')
    const file = readFileSync(at(`state/${CHECKPOINT}`), 'utf8')
    const { size } = parseCheckpoint(parseNote(file).text)
    expect(size).toBeGreaterThanOrEqual(Math.max(...cosigned.map((one) => one.size)))
  }
  expect(cosigned.length).toBeGreaterThan(CYCLES)
  expect(new Set(cosigned.map(({ entries }) => entries)).size).toBe(1)
  const sizes = cosigned.map(({ size }) => size)
  expect(sizes).toEqual(sizes.toSorted((a, b) => a - b))
}, 120_000)

test('a signal stops it after the last answer, and that is no error', async () => {
  const witness = await RunningWitness.spawn(...args())
  const answer = witness.follow(log.grow(5))
  expect(await answer).toMatchObject({ status: 200 })
  expect(await witness.stop('SIGTERM')).toBe(0)
  expect(witness.err).toBe('')
})

test('a log that is witnessed no more is refused, and still shown', async () => {
  await witnessed(20)
  const other = new GrowingLog('other.example')
  await using witness = await RunningWitness.start('--state-dir', at('state'), '--log', other.vkey)
  expect(await witness.add(await log.grow(5).request(20))).toMatchObject({ status: 404 })
  expect((await witness.monitored(log)).body).toContain('\n20\n')
})

test('a second witness with the same state is refused while the first one runs', async () => {
  await using first = await RunningWitness.start(...args())
  expect(await refusal()).toContain(`another witness runs with \`${at('state')}\`: stop it`)
  await using other = await RunningWitness.start(...args('other'))
  expect(other.vkeys).not.toEqual(first.vkeys)
})

test('a crash between the two writes of a checkpoint leaves the newer one', async () => {
  await witnessed(10)
  cpSync(at('state/witness.db'), at('older.db'))
  await witnessed(20)
  // Written in place, so that it is the same file and no copy.
  writeFileSync(at('state/witness.db'), readFileSync(at('older.db')))
  writeFileSync(at(`state/${CHECKPOINT}.new`), 'half a checkp')
  await using witness = await RunningWitness.start(...args())
  expect((await witness.monitored(log)).body).toContain('\n20\n')
  expect(await witness.add(await log.grow(1).request(20))).toMatchObject({ status: 200 })
})

test.each<[what: string, damage: () => void, says: string]>([
  ['a checkpoint that is gone', () => rmSync(at(`state/${CHECKPOINT}`)), 'is missing'],
  ['no register', () => rmSync(at('state/witness.db')), '`witness.db` is missing'],
  ['an empty register', () => writeFileSync(at('state/witness.db'), ''), '`witness.db` is empty'],
  ['a broken register', () => writeFileSync(at('state/witness.db'), 'x'.repeat(9_000)), 'damaged'],
  ['no key', () => rmSync(at('state/ed25519.key')), 'ed25519.key` is missing'],
  ['a broken key', () => writeFileSync(at('state/ed25519.key'), 'x'), 'ed25519.key`: the key is'],
  [
    'another key',
    () => cpSync(at('another/ed25519.key'), at('state/ed25519.key')),
    'is not the key that was made there',
  ],
  [
    'a changed checkpoint',
    () => {
      const text = readFileSync(at(`state/${CHECKPOINT}`), 'utf8')
      writeFileSync(at(`state/${CHECKPOINT}`), text.replace('\n20\n', '\n19\n'))
    },
    'is wrong, and so the note is not to be trusted',
  ],
  [
    'half a checkpoint',
    () => writeFileSync(at(`state/${CHECKPOINT}`), `${ORIGIN}\n2`),
    'malformed',
  ],
  [
    'a checkpoint of another log',
    () => cpSync(at(`state/${CHECKPOINT}`), at(`state/logs/${originHash('b')}.checkpoint`)),
    'is of another log',
  ],
])('%s is refused with what to do, and nothing begins anew', async (_what, damage, says) => {
  await witnessed(20)
  await (await RunningWitness.start(...args('another'))).stop()
  damage()
  const before = files()
  const err = await refusal()
  expect(err).toContain(`the state of the witness in \`${at('state')}\` is damaged`)
  expect(err).toContain(says)
  expect(err).toContain('begin anew with an empty directory')
  expect(files()).toEqual(before)
})

test('a checkpoint that was put back to an earlier one is refused', async () => {
  await witnessed(10)
  const older = readFileSync(at(`state/${CHECKPOINT}`))
  await witnessed(20)
  writeFileSync(at(`state/${CHECKPOINT}`), older)
  expect(await refusal()).toContain('is of 10 entries, and 20 were cosigned already')
})

test('a state that was copied starts only when it is said to be the newest', async () => {
  await witnessed(20)
  cpSync(at('state'), at('backup'), { recursive: true })
  rmSync(at('state'), { recursive: true })
  cpSync(at('backup'), at('state'), { recursive: true })
  expect(await refusal()).toContain('start once with `--accept-copied-state`')
  await (await RunningWitness.start(...args(), '--accept-copied-state')).stop()
  await using witness = await RunningWitness.start(...args())
  expect((await witness.monitored(log)).body).toContain('\n20\n')
})

test('a witness that cannot store what it cosigned says nothing, and ends', async () => {
  const witness = await RunningWitness.start(...args())
  await witness.follow(log.grow(5))
  rmSync(at('state/logs'), { recursive: true })
  const answer = await witness.add(await log.grow(5).request(5))
  expect(answer.status).toBe(503)
  expect(answer.body).not.toContain('—')
  expect(await witness.ended()).toBe(1)
  expect(witness.err).toContain(
    `the state of the witness in \`${at('state')}\` can't be read or written`,
  )
  expect(await refusal()).toContain('is damaged')
})

test('a state directory that cannot be one is told in one sentence', async () => {
  writeFileSync(at('state'), 'a file')
  const err = await refusal()
  expect(err).toMatch(/^verdict: the state of the witness in `.*` can't be read or written: E.*\n$/)
})

test('it cosigns with the keys that are asked for, and goes by one name', async () => {
  await (await RunningWitness.start(...args(), '--algorithm', 'ml-dsa-44', '--name', 'w')).stop()
  expect(readdirSync(at('state')).filter((name) => name.endsWith('.key'))).toEqual([
    'ml-dsa-44.key',
  ])
  expect(await refusal('--name', 'v')).toContain('are those of `w`, not of `v`')
  await using both = await RunningWitness.start(...args())
  expect(both.vkeys).toHaveLength(2)
  expect(both.vkeys.every((vkey) => vkey.startsWith('w+'))).toBe(true)
})

test('what is no use as an argument is told before anything is made', async () => {
  const run = async (...given: string[]): Promise<unknown> => {
    const { code, err } = await verdict(['witness', ...given])
    return [code, err.replace(/^verdict: |\n$/g, '')]
  }
  const dir = ['--state-dir', at('state')]
  const key = ['--log', log.vkey]
  expect(await run(...key)).toEqual([2, expect.stringContaining('`--state-dir` is needed')])
  expect(await run(...dir)).toEqual([1, expect.stringContaining('name one with `--log`')])
  expect(await run(...dir, '--log', 'x')).toEqual([1, expect.stringContaining('`x`: the key is')])
  expect(await run(...dir, ...key, '--name', 'a b')).toEqual([2, expect.stringContaining('--name')])
  expect(await run(...dir, ...key, '--algorithm', 'rsa')).toEqual([
    2,
    expect.stringContaining('expected one of ed25519, ml-dsa-44'),
  ])
  for (const listen of ['8185', 'localhost:99999', '::1:80', '']) {
    const [code] = (await run(...dir, ...key, '--listen', listen)) as [number]
    expect(code, listen).toBe(2)
  }
  expect(await run(...dir, ...key, '--logs', at('none'))).toEqual([
    1,
    expect.stringContaining("can't be read"),
  ])
  expect(readdirSync(folder.path)).toEqual([])
})

test('a port in use is told', async () => {
  await using first = await RunningWitness.start(...args())
  const { host } = new URL(first.url)
  const { code, err } = await verdict(['witness', ...args('other'), '--listen', host])
  expect(err).toContain('is in use: name another with `--listen`')
  expect(code).toBe(1)
})

/** What is in the state directory, but for the register, which its lock may touch. */
function files(): Record<string, string> {
  const names = readdirSync(at('state'), { recursive: true, encoding: 'utf8' }).toSorted()
  const kept = names.filter(
    (name) => !name.startsWith('witness.db') && statSync(at(`state/${name}`)).isFile(),
  )
  return Object.fromEntries(kept.map((name) => [name, readFileSync(at(`state/${name}`), 'utf8')]))
}
