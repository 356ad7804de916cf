import { execFile, spawnSync } from 'node:child_process'
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { storeBatch } from '@verdict/bus'
import {
  batchOf,
  ServiceProcess,
  startBus,
  type TemporaryDirectory,
  TestJournal,
  temporaryDirectory,
  waitFor,
} from '@verdict/kit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

/** The program that has code of others verify a log; its own folder says which. */
const SOURCES = path.resolve(import.meta.dirname, '../../../packages/tlog/test/interop')
const BUILD_TIMEOUT_MS = 10 * 60_000
const RUN_TIMEOUT_MS = 60_000
const SOON = { deadlineMs: 30_000 }
const RECORDS = 700

const hasGo = spawnSync('go', ['version'], { timeout: 20_000 }).status === 0
const title = `programs of others${hasGo ? '' : ': needs Go, which builds them'}`

describe.skipIf(!hasGo)(title, { timeout: 120_000 }, () => {
  const built = temporaryDirectory()
  const data = temporaryDirectory()
  const program = path.join(built.path, 'interop')
  const journal = new TestJournal('authz-1')
  let vkey = ''
  let receipt = ''

  const verify = async (...args: readonly string[]): Promise<boolean> => {
    const run = promisify(execFile)(program, args, { timeout: RUN_TIMEOUT_MS })
    return await run.then(
      ({ stdout }) => /(?:^|\n)ok\n$/.test(stdout),
      () => false,
    )
  }

  beforeAll(async () => {
    const env = { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-mod=readonly -buildvcs=false' }
    const build = spawnSync('go', ['build', '-trimpath', '-o', program, '.'], {
      ...{ cwd: SOURCES, env, encoding: 'utf8', timeout: BUILD_TIMEOUT_MS },
    })
    expect(build.stderr).toBe('')
    ;({ vkey, receipt } = await writeLog(data, journal))
  }, BUILD_TIMEOUT_MS)
  afterAll(async () => {
    await built[Symbol.asyncDispose]()
    await data[Symbol.asyncDispose]()
  })

  test('fsck of tessera accepts what the audit service has written', async () => {
    expect(await verify('log', path.join(data.path, 'log'), vkey)).toBe(true)
  })

  test('a receipt of the audit service verifies in Go, and for its decision alone', async () => {
    const [first, second] = journal.lines.map(({ hash, json }) => `${hash} ${json}`)
    expect(await verify('receipt', receipt, first ?? '', vkey)).toBe(true)
    expect(await verify('receipt', receipt, second ?? '', vkey)).toBe(false)
  })

  test.each([
    ['a hash of a full tile', 'tile/0/001', 5_000],
    ['a hash of the partial tile', `tile/0/002.p/${RECORDS - 512}`, 40],
    ['a hash of a tile above', 'tile/1/000.p/2', 33],
    ['a record', 'tile/entries/000', 70_000],
    ['a record at the end', `tile/entries/002.p/${RECORDS - 512}`, 400],
    ['the checkpoint', 'checkpoint', 30],
  ])('fsck refuses the log when a byte of %s is changed', async (_what, file, at) => {
    await using tampered = temporaryDirectory()
    cpSync(path.join(data.path, 'log'), tampered.path, { recursive: true })
    const changed = path.join(tampered.path, file)
    const bytes = readFileSync(changed)
    bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at)
    writeFileSync(changed, bytes)
    expect(await verify('log', tampered.path, vkey)).toBe(false)
  })
})

/** Records come over the bus, as from a decision point, until the service is stopped. */
async function writeLog(
  dir: TemporaryDirectory,
  journal: TestJournal,
): Promise<{ vkey: string; receipt: string }> {
  await using bus = await startBus()
  await using audit = await ServiceProcess.start('audit', bus, {
    VERDICT_AUDIT_DATA_DIR: dir.path,
    VERDICT_AUDIT_ORIGIN: 'log.example/audit',
  })
  const recorder = await bus.connect('authz-record')
  for (let n = 0; n < RECORDS; n += 100) {
    const batch = batchOf(journal.appendAll(100))
    await storeBatch(recorder, journal.subject, batch, { timeoutMs: 5_000 })
  }
  const size = async (): Promise<number> => (await audit.get<{ size: number }>('/v1/log')).size
  await waitFor(async () => (await size()) === RECORDS, { ...SOON, what: 'a checkpoint of all' })
  const { vkey } = await audit.get<{ vkey: string }>('/v1/log')
  expect(vkey).toMatch(/^log\.example\/audit\+[0-9a-f]{8}\+/)
  // The key is in the service's own log, too, for whoever hands it on.
  expect(audit.output).toContain(vkey)
  const url = `/v1/decisions/${journal.lines[0]?.record.id}/receipt`
  const receipt = await (await fetch(audit.url(url))).text()
  expect(await audit.end('SIGTERM')).toBe(0)
  return { vkey, receipt }
}
