import { execFile } from 'node:child_process'
import { chmodSync, existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { allLogged, Cluster, sendHttp, waitFor } from '@verdict/kit'
import { afterAll, beforeAll, expect, test } from 'vitest'

/** What somebody does who has just cloned: start, paste what was printed, stop. */

const REPOSITORY = resolve(import.meta.dirname, '../..')
const run = promisify(execFile)

const resources = new AsyncDisposableStack()
let cluster: Cluster
beforeAll(async () => {
  cluster = resources.use(await Cluster.start({ demo: true }))
}, 90_000)
afterAll(async () => {
  await resources[Symbol.asyncDispose]()
}, 60_000)

/** The commands that the terminal shows to be pasted. */
function printedCommands(): string[] {
  return cluster.output
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => /^(curl|npx verdict) /.test(line))
}

async function paste(command: string): Promise<string> {
  const { stdout } = await run('sh', ['-c', command], { cwd: REPOSITORY, timeout: 20_000 })
  return stdout
}

test('the three printed commands work as printed', async () => {
  const [allowed = '', denied = '', tail = '', ...rest] = printedCommands()
  expect(rest).toEqual([])
  expect(await paste(allowed)).toMatch(/^HTTP\/1\.1 200 /)
  expect(await paste(denied)).toMatch(/^HTTP\/1\.1 403 /)
  expect(tail).toMatch(/^npx verdict tail/)
  const lines = await paste(`timeout -s INT 5 ${tail} --from-start || true`)
  const records = lines
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(records.map(({ record }) => record.outcome)).toEqual(['allow', 'deny'])
  const where = `--data-dir ${cluster.dataDir}`
  const why = await paste(`npx verdict explain ${records[1].record.id} ${where} || true`)
  expect(why).toMatch(/allowed if/)
}, 60_000)

test('doctor finds nothing wrong with what runs', async () => {
  const findings = await paste(`npx verdict doctor --data-dir ${cluster.dataDir}`)
  const lines = findings.trim().split('\n')
  expect(lines.filter((line) => !line.startsWith('ok  '))).toEqual([])
  for (const what of ['nats-server', 'ports', 'clock', 'keys', 'stream', 'authz', 'audit']) {
    expect(findings).toMatch(new RegExp(`^ok  ${what} `, 'm'))
  }
})

test('doctor says what to do about a key that others can read', async () => {
  const key = join(cluster.keysDir, 'client.nk')
  chmodSync(key, 0o644)
  try {
    const command = `npx verdict doctor --data-dir ${cluster.dataDir} || echo exit $?`
    const findings = await paste(command)
    expect(findings).toMatch(/client/)
    expect(findings).toMatch(/exit 1$/m)
  } finally {
    chmodSync(key, 0o600)
  }
})

test('nobody but the user can read the keys', () => {
  const check = run('find', [cluster.keysDir, '-type', 'f', '-perm', '/077'])
  return expect(check).resolves.toMatchObject({ stdout: '' })
})

test('Ctrl-C loses nothing, leaves no process behind and exits 0', async () => {
  const logged = (await allLogged(cluster)).length
  const { processes } = JSON.parse(readFileSync(join(cluster.dataDir, 'run.json'), 'utf8'))
  const before = await sendHttp(`${cluster.url('authzHttp')}/check/catalog/items`, {
    headers: { host: 'catalog.shop' },
  })
  expect(before.status).toBe(200)
  expect(await cluster.stop()).toBe(0)
  for (const { pid } of processes) expect(existsSync(`/proc/${pid}`)).toBe(false)

  await using again = await Cluster.start({ dataDir: cluster.dataDir })
  await waitFor(async () => (await allLogged(again)).length === logged + 1, {
    deadlineMs: 20_000,
    what: 'the last decision before the stop to be in the log',
  })
  const logs = readdirSync(join(cluster.dataDir, 'logs'))
  expect(logs).toEqual(expect.arrayContaining(['authz.log', 'nats-server.log']))
}, 120_000)
