import { execFile } from 'node:child_process'
import { chmodSync, existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import type { DecisionRecord } from '@verdict/contract'
import { allLogged, auditorHeaders, Cluster, isReading, sendHttp, waitFor } from '@verdict/kit'
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
    .filter(({ record }) => !isReading(record))
  expect(records.map(({ record }) => record.outcome)).toEqual(['allow', 'deny'])
  const where = `--data-dir ${cluster.dataDir}`
  const why = await paste(`npx verdict explain ${records[1].record.id} ${where} || true`)
  expect(why).toMatch(/allowed if/)
}, 60_000)

test('who reads the log is on the log, and who may not is told', async () => {
  const audit = `${cluster.url('auditHttp')}/v1/decisions`
  const alice = readFileSync(join(cluster.dataDir, 'demo/alice.header'), 'utf8')
  const authorization = alice.replace('authorization: ', '').trim()
  const anonymous = await fetch(audit)
  expect(anonymous.status).toBe(401)
  expect(anonymous.headers.get('www-authenticate')).toBe('Bearer realm="verdict-audit"')
  const forbidden = await fetch(audit, { headers: { authorization } })
  expect(forbidden.status).toBe(403)
  expect(await forbidden.text()).toContain('audit_permission_missing')
  const auditor = await auditorHeaders(cluster)
  const read = await fetch(`${audit}?principal=alice`, { headers: auditor })
  expect(read.status).toBe(200)
  const change = { method: 'POST', headers: auditor, body: '' }
  expect((await fetch(audit.replace('decisions', 'holds'), change)).status).toBe(403)

  const where = `--data-dir ${cluster.dataDir}`
  const [readId, forbiddenId] = [read, forbidden].map(({ headers }) =>
    headers.get('verdict-decision-id'),
  )
  const readings = await waitFor(
    async (): Promise<DecisionRecord[] | undefined> => {
      const options = '--destination verdict-audit --from 5m --all'
      const lines = (await paste(`npx verdict audit query ${options} ${where}`)).trim().split('\n')
      const records: DecisionRecord[] = lines.map((line) => JSON.parse(line).record)
      return records.some(({ id }) => id === readId) ? records : undefined
    },
    { deadlineMs: 20_000, what: 'the reading to be on the log' },
  )
  expect(readings.find(({ id }) => id === readId)).toMatchObject({
    principal: 'auditor',
    outcome: 'allow',
    reason: 'audit:read',
    protocol: 'nats',
    request: { method: 'GET', path: '/v1/decisions' },
    source: { address: '127.0.0.1' },
  })
  expect(readings.find(({ id }) => id === forbiddenId)).toMatchObject({
    principal: 'alice',
    outcome: 'deny',
    reason: 'audit_permission_missing',
  })
  const log = await fetch(`${cluster.url('auditHttp')}/v1/log`, { headers: auditor })
  const { vkey } = (await log.json()) as { vkey: string }
  const proven = `--principal alice --proof --key '${vkey}' ${where}`
  const lines = (await paste(`npx verdict audit query ${proven}`)).trim().split('\n')
  for (const line of lines) expect(JSON.parse(line).proof.verified).toBe(true)
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
