import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { storeBatch } from '@verdict/bus'
import {
  buildFsck,
  buildInterop,
  fsckAccepts,
  interopMissing,
  runInterop,
  ServiceProcess,
  startBus,
  type TemporaryDirectory,
  TestJournal,
  temporaryDirectory,
  waitFor,
} from '@verdict/kit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const missing = interopMissing()
const BUILD_TIMEOUT_MS = 10 * 60_000
const SOON = { deadlineMs: 30_000 }
/** More than one shard takes. */
const RECORDS = 1_300
const SHARD_LEAVES_MAX = 1_000

interface Shard {
  readonly name: string
  readonly path: string
  readonly size: number
  readonly vkey: string
}

interface Written {
  readonly shards: readonly Shard[]
  readonly receipt: string
  /** Whether fsck has accepted each shard over HTTP. */
  readonly accepted: readonly boolean[]
}

const title = `programs of others${missing === undefined ? '' : `: ${missing}`}`

describe.skipIf(missing !== undefined)(title, { timeout: 120_000 }, () => {
  const data = temporaryDirectory()
  const journal = new TestJournal('authz-1')
  let program = ''
  let fsck = ''
  let written: Written = { shards: [], receipt: '', accepted: [] }

  const verify = async (...args: readonly string[]): Promise<boolean> =>
    (await runInterop(program, ...args)).ok
  /** By the command of Tessera. */
  const accepts = async (url: string, vkey: string) => await fsckAccepts(fsck, { url, vkey })

  beforeAll(async () => {
    program = buildInterop()
    fsck = buildFsck()
    written = await writeLog(data, { journal, accepts })
  }, BUILD_TIMEOUT_MS)
  afterAll(async () => data[Symbol.asyncDispose]())

  test('fsck of tessera accepts each shard over HTTP, under its own origin', () => {
    const { accepted, shards } = written
    expect(shards.map(({ name }) => name)).toEqual([shards[0]?.name, `${shards[0]?.name}-2`])
    expect(shards.map(({ vkey }) => vkey.split('+')[0])).toEqual(
      shards.map(({ name }) => `log.example/audit/${name}`),
    )
    expect(accepted).toEqual([true, true])
  })

  test('a receipt of the audit service verifies in Go, and for its decision alone', async () => {
    const { receipt, shards } = written
    const [first, second] = journal.lines.map(({ hash, json }) => `${hash} ${json}`)
    const vkey = shards[0]?.vkey ?? ''
    expect(await verify('receipt', receipt, first ?? '', vkey)).toBe(true)
    expect(await verify('receipt', receipt, second ?? '', vkey)).toBe(false)
    expect(await verify('receipt', receipt, first ?? '', shards[1]?.vkey ?? '')).toBe(false)
  })

  test.each([
    ['a hash of a full tile', () => 'tile/0/001', 5_000],
    ['a hash of the partial tile', (size: number) => `tile/0/${partialOf(size)}`, 40],
    ['a hash of a tile above', (size: number) => `tile/1/000.p/${Math.floor(size / 256)}`, 33],
    ['a record', () => 'tile/entries/000', 70_000],
    ['a record at the end', (size: number) => `tile/entries/${partialOf(size)}`, 400],
    ['the checkpoint', () => 'checkpoint', 30],
  ])('fsck refuses a shard when a byte of %s is changed', async (_what, fileOf, at) => {
    await using tampered = temporaryDirectory()
    const { name = '', size = 0, vkey = '' } = written.shards[0] ?? {}
    cpSync(path.join(data.path, 'log', name), tampered.path, { recursive: true })
    const url = `${pathToFileURL(tampered.path)}/`
    expect(await accepts(url, vkey)).toBe(true)
    const changed = path.join(tampered.path, fileOf(size))
    const bytes = readFileSync(changed)
    bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at)
    writeFileSync(changed, bytes)
    expect(await accepts(url, vkey)).toBe(false)
    expect(await verify('log', tampered.path, vkey)).toBe(false)
  })
})

function partialOf(size: number): string {
  return `${String(Math.floor(size / 256)).padStart(3, '0')}.p/${size % 256}`
}

/** Records come over the bus, as from a decision point, until the service is stopped. */
async function writeLog(
  dir: TemporaryDirectory,
  {
    journal,
    accepts,
  }: { journal: TestJournal; accepts: (url: string, vkey: string) => Promise<boolean> },
): Promise<Written> {
  await using bus = await startBus()
  await using audit = await ServiceProcess.start('audit', bus, {
    VERDICT_AUDIT_AUTHORIZATION: 'off',
    VERDICT_AUDIT_DATA_DIR: dir.path,
    VERDICT_AUDIT_ORIGIN: 'log.example/audit',
    VERDICT_AUDIT_SHARD_LEAVES_MAX: String(SHARD_LEAVES_MAX),
  })
  const recorder = await bus.connect('authz-record')
  const receiptOf = (at: number) =>
    audit.url(`/v1/decisions/${journal.lines.at(at)?.record.id}/receipt`)
  for (let n = 0; n < RECORDS; n += 100) {
    const batch = journal.sealed(journal.appendAll(100))
    await storeBatch(recorder, journal.subject, batch, { timeoutMs: 5_000 })
    // What is there together goes into one shard.
    if (n + 100 !== SHARD_LEAVES_MAX && n + 100 !== RECORDS) continue
    await waitFor(async () => (await fetch(receiptOf(-1))).ok, {
      ...SOON,
      what: 'a checkpoint of all',
    })
  }
  const { shards, vkey } = await audit.get<{ shards: Shard[]; vkey: string }>('/v1/log')
  expect(vkey).toMatch(/^log\.example\/audit\+[0-9a-f]{8}\+/)
  // The key is in the service's own log, too, for whoever hands it on.
  expect(audit.output).toContain(vkey)
  const receipt = await (await fetch(receiptOf(0))).text()
  const accepted: boolean[] = []
  for (const shard of shards) accepted.push(await accepts(audit.url(shard.path), shard.vkey))
  expect(await audit.end('SIGTERM')).toBe(0)
  return { shards, receipt, accepted }
}
