import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import {
  bundlePath,
  formatCheckpoint,
  GrowingTree,
  generateSignerKey,
  KeyAlgorithm,
  parseSignerKey,
  signNote,
  tilePath,
} from '@verdict/tlog'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { LogReader } from './log-reader.ts'

const ORIGIN = 'logs.example/audit'
let dir: string
let key: string

beforeEach(() => {
  dir = mkdtempSync(path.join(tmpdir(), 'verdict-log-reader-'))
  key = generateSignerKey(ORIGIN, KeyAlgorithm.ed25519)
  write('log.key', `${key}\n`)
})
afterEach(() => rmSync(dir, { recursive: true }))

function write(file: string, bytes: Uint8Array | string): void {
  const at = path.join(dir, file)
  mkdirSync(path.dirname(at), { recursive: true })
  writeFileSync(at, bytes)
}

/** Writes a log of findings of these kinds as the audit service does. */
function writeLog(kinds: readonly string[], folder: string = 'log'): void {
  const tree = new GrowingTree()
  for (const kind of kinds) {
    tree.append(Buffer.from(JSON.stringify({ finding: { key: kind, kind }, v: 1 })))
  }
  const { head, tiles, bundles } = tree.take()
  for (const { tile, bytes } of tiles) write(`${folder}/${tilePath(tile)}`, bytes)
  for (const { bundle, bytes } of bundles) write(`${folder}/${bundlePath(bundle)}`, bytes)
  const text = formatCheckpoint({ origin: ORIGIN, extensions: [], ...head })
  write(`${folder}/checkpoint`, signNote({ text }, [parseSignerKey(key)]))
}

test('a log that grows is read on from where it was', async () => {
  const reader = new LogReader(dir)
  await reader.update()
  expect(reader.leaves).toBe(0)
  writeLog(['gap'])
  await reader.update()
  writeLog(['gap', 'conflict', 'broken_chain'])
  await reader.update()
  expect([reader.leaves, reader.checkpoints]).toEqual([3, 2])
  expect([...reader.findings.values()]).toEqual(['gap', 'conflict', 'broken_chain'])
  expect([...reader.contradictions]).toEqual([])
})

test('a log that is a row of shards is read whole', async () => {
  writeLog(['gap'], 'log/2026-11')
  writeLog(['conflict'], 'log/2026-12')
  const reader = new LogReader(dir)
  await reader.update()
  expect([...reader.findings.values()]).toEqual(['gap', 'conflict'])
})

test.each([
  ['another history of the same size', ['conflict']],
  ['another history that is longer', ['conflict', 'gap', 'gap']],
  ['a history that was rolled back', []],
])('%s contradicts what was shown before', async (_what, kinds) => {
  writeLog(kinds.length === 0 ? ['gap', 'conflict'] : ['gap'])
  const reader = new LogReader(dir)
  await reader.look()
  writeLog(kinds.length === 0 ? ['gap'] : kinds)
  await reader.update()
  expect(reader.contradictions.size).toBeGreaterThan(0)
})

test('a leaf that is not the one of the tree is refused, and so is another key', async () => {
  writeLog(['gap'])
  write('log/tile/entries/000.p/1', Buffer.from([0, 2, 0x7b, 0x7d]))
  await expect(new LogReader(dir).update()).rejects.toMatchObject({ code: 'tile_invalid' })
  writeLog(['gap'])
  write('log.key', generateSignerKey(ORIGIN, KeyAlgorithm.ed25519))
  await expect(new LogReader(dir).look()).rejects.toMatchObject({ code: 'note_unverified' })
})
