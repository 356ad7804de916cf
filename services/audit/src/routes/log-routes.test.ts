import { TestJournal } from '@verdict/kit'
import {
  decodeBundle,
  leafHash,
  openCheckpoint,
  parseTrustPolicy,
  parseVerifierKey,
  TiledTree,
  tilePath,
  verifyTlogProof,
} from '@verdict/tlog'
import { expect, test } from 'vitest'
import { ServedLog } from '../../test/served-log.ts'

interface LogBody {
  readonly origin: string
  readonly size: number
  readonly root: string
  readonly vkey: string
}

async function bytesOf(log: ServedLog, path: string): Promise<Uint8Array> {
  const response = await fetch(log.url(`/log/${path}`))
  expect([path, response.status]).toEqual([path, 200])
  return new Uint8Array(await response.arrayBuffer())
}

async function logOf(log: ServedLog): Promise<LogBody> {
  return (await (await fetch(log.url('/v1/log'))).json()) as LogBody
}

test('a receipt over HTTP waits for its checkpoint and verifies offline', async () => {
  await using log = await ServedLog.start()
  const journal = new TestJournal('pdp')
  const [line] = journal.appendAll(3)
  log.record(journal.message(journal.lines))
  const response = await fetch(log.url(`/v1/decisions/${line?.record.id}/receipt`))
  expect(response.status).toBe(200)
  expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8')
  const { origin, size, vkey } = await logOf(log)
  // With the key of the journal, and its seal.
  expect(size).toBe(5)
  const leaf = Buffer.from(`${line?.hash} ${line?.json}`)
  const policy = parseTrustPolicy(`log ${vkey}\nquorum none\n`)
  const { checkpoint, index } = verifyTlogProof(await response.text(), leafHash(leaf), policy)
  expect([checkpoint.origin, checkpoint.size, index]).toEqual([origin, 5, 1])
})

test('a receipt of a decision that is not in the log is 404, of a malformed id 400', async () => {
  await using log = await ServedLog.start()
  const unknown = '/v1/decisions/0193a0c0-0000-7000-8000-000000000000/receipt'
  expect((await log.get(unknown)).status).toBe(404)
  expect((await log.get('/v1/decisions/17/receipt')).status).toBe(400)
})

test('the log is read and verified over HTTP from its checkpoint and key alone', async () => {
  await using log = await ServedLog.start()
  const journal = new TestJournal('pdp')
  log.record(journal.message(journal.appendAll(600)))
  await fetch(log.url(`/v1/decisions/${journal.lines[0]?.record.id}/receipt`))
  const { origin, root, size, vkey } = await logOf(log)
  const note = Buffer.from(await bytesOf(log, 'checkpoint')).toString()
  const { checkpoint } = openCheckpoint(note, [parseVerifierKey(vkey)])
  expect(checkpoint).toMatchObject({ origin, size: 602 })
  expect([size, root]).toEqual([602, Buffer.from(checkpoint.root).toString('base64')])
  const tree = await TiledTree.open(checkpoint, (tile) => bytesOf(log, tilePath(tile)))
  const bundle = { index: 2, width: 90 }
  const entries = await tree.entriesOf(bundle, await bytesOf(log, 'tile/entries/002.p/90'))
  expect(Buffer.from(entries[88] ?? []).toString()).toBe(
    `${journal.lines[599]?.hash} ${journal.lines[599]?.json}`,
  )
  expect(decodeBundle(await bytesOf(log, 'tile/entries/000'))).toHaveLength(256)
})

test('tiles may be kept for ever, the checkpoint may not', async () => {
  await using log = await ServedLog.start()
  const journal = new TestJournal('pdp')
  log.record(journal.message(journal.appendAll(2)))
  await fetch(log.url(`/v1/decisions/${journal.lines[0]?.record.id}/receipt`))
  const tile = await fetch(log.url('/log/tile/0/000.p/4'))
  expect(tile.headers.get('cache-control')).toContain('immutable')
  expect(tile.headers.get('content-type')).toBe('application/octet-stream')
  const checkpoint = await fetch(log.url('/log/checkpoint'))
  expect(checkpoint.headers.get('cache-control')).toBe('public, max-age=1')
  expect(checkpoint.headers.get('content-type')).toBe('text/plain; charset=utf-8')
})

test('what the checkpoint does not cover, and what is no part of a log, is 404', async () => {
  await using log = await ServedLog.start()
  const journal = new TestJournal('pdp')
  log.record(journal.message(journal.appendAll(2)))
  await fetch(log.url(`/v1/decisions/${journal.lines[0]?.record.id}/receipt`))
  for (const path of [
    'tile/0/000',
    'tile/0/000.p/3',
    'tile/entries/000.p/0',
    'tile/1/000.p/1',
    'tile/64/000.p/1',
    'tile/0/x000/000',
    'tile/..%2f..%2flog.key',
    'tile/%2e%2e/%2e%2e/log.key',
    'staged/0.entries',
    '',
  ]) {
    expect([path, (await log.get(`/log/${path}`)).status]).toEqual([path, 404])
  }
})
