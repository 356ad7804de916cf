import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { type JournalLine, parseJournalBatch } from '@verdict/contract'
import { temporaryDirectory, waitFor } from '@verdict/kit'
import { expect, test } from 'vitest'
import { expectWholeChain, noteOf } from '../test/lines.ts'
import { openJournal } from './open-journal.ts'
import { shipJournal } from './shipper.ts'

const ROUNDS = 10
const ACKNOWLEDGED_MIN = 200
const DEADLINE_MS = 10_000
const TEST_MS = 60_000
const APPENDER = fileURLToPath(new URL('../test/appender.ts', import.meta.url))
const WRITER = fileURLToPath(new URL('../test/limited-writer.ts', import.meta.url))

type Child = ChildProcessByStdio<null, Readable, null>

function start(program: string, ...parameters: string[]): { child: Child; output: () => string } {
  const child = spawn(process.execPath, [program, ...parameters], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
  })
  return { child, output: () => text }
}

/** Kills a process that appends and returns what it had acknowledged. */
async function killUnderLoad(...parameters: string[]): Promise<[n: number, note: string][]> {
  const { child, output } = start(APPENDER, ...parameters)
  const closed = once(child, 'close')
  try {
    // A few acknowledgements more or less, so that the kill comes at any point of a commit.
    const lines = ACKNOWLEDGED_MIN + Math.random() * ACKNOWLEDGED_MIN
    await waitFor(() => child.exitCode !== null || output().split('\n').length > lines, {
      deadlineMs: DEADLINE_MS,
      what: 'acknowledged records',
    })
    expect(child.exitCode).toBeNull()
  } finally {
    child.kill('SIGKILL')
    await closed
  }
  const acknowledged = output().split('\n').slice(0, -1)
  return acknowledged.map((line) => [Number(line.split(' ')[0]), line.split(' ')[1] ?? ''])
}

async function sinkLines(sink: string): Promise<JournalLine[]> {
  const names = (await readdir(sink)).filter((name) => name.endsWith('.batch')).sort()
  const batches = await Promise.all(names.map((name) => readFile(path.join(sink, name))))
  return batches.flatMap((batch) => parseJournalBatch(batch).lines)
}

test(
  'what was acknowledged survives kill -9 under load, once each and in one chain',
  async () => {
    await using directory = temporaryDirectory()
    const dir = path.join(directory.path, 'journal')
    const sink = path.join(directory.path, 'sink')
    await mkdir(sink)
    const acknowledged: [n: number, note: string][] = []
    for (let round = 0; round < ROUNDS; round += 1) {
      const before = acknowledged.length
      acknowledged.push(...(await killUnderLoad(dir, sink, String(round))))
      expect(acknowledged.length - before).toBeGreaterThan(ACKNOWLEDGED_MIN / 2)
    }
    const rest: Uint8Array[] = []
    await using journal = await openJournal({ dir })
    const ending = new AbortController()
    const shipper = shipJournal({
      journal,
      store: async (batch) => void rest.push(batch),
      onEvent: () => {},
      signal: ending.signal,
    })
    expect(await shipper.drain(DEADLINE_MS)).toBe(true)
    ending.abort()
    await shipper.done

    const shipped = [
      ...(await sinkLines(sink)),
      ...rest.flatMap((batch) => parseJournalBatch(batch).lines),
    ]
    const byN = new Map<number, JournalLine>()
    for (const line of shipped) {
      const known = byN.get(line.record.n)
      // A resent line is the same line, or two records would have one number.
      expect(line.hash).toBe(known?.hash ?? line.hash)
      // What is new follows: nothing overtakes and nothing is left out.
      if (!known) expect(line.record.n).toBe(byN.size + 1)
      byN.set(line.record.n, line)
    }
    expectWholeChain([...byN.values()], journal)
    expect(new Set(acknowledged.map(([n]) => n)).size).toBe(acknowledged.length)
    for (const [n, note] of acknowledged) {
      const line = byN.get(n)
      expect(line && noteOf(line)).toBe(note)
    }
  },
  TEST_MS,
)

test('a journal is open once: not twice in a process, nor in two, and again after kill -9', async () => {
  await using directory = temporaryDirectory()
  const dir = path.join(directory.path, 'journal')
  const { child, output } = start(APPENDER, dir, directory.path, '0')
  const closed = once(child, 'close')
  try {
    await waitFor(() => output().includes('\n'), { deadlineMs: DEADLINE_MS, what: 'a record' })
    await expect(openJournal({ dir })).rejects.toMatchObject({
      code: 'locked',
      message: expect.stringContaining('stop the process'),
    })
  } finally {
    child.kill('SIGKILL')
    await closed
  }
  const journal = await openJournal({ dir })
  await expect(openJournal({ dir })).rejects.toMatchObject({ code: 'locked' })
  await journal.close()
  await (await openJournal({ dir })).close()
})

test('a disk that takes no more ends the journal, and what was acknowledged is there', async () => {
  await using directory = temporaryDirectory()
  const dir = path.join(directory.path, 'journal')
  // A file size limit is a real error of a real write, which takes a part before.
  const command = 'ulimit -f 128; exec "$0" "$@"'
  const child = spawn('sh', ['-c', command, process.execPath, WRITER, dir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
  })
  expect(await once(child, 'close')).toEqual([0, null])
  const { acknowledged, codes, faults } = JSON.parse(text) as Record<string, unknown>
  expect(codes).toEqual(['failed'])
  expect(faults).toEqual([expect.stringContaining('EFBIG')])
  expect(acknowledged).toBeGreaterThan(0)
  await using journal = await openJournal({ dir })
  expect(journal.recovery.lines).toBeGreaterThanOrEqual(Number(acknowledged))
  expect(journal.recovery.tornBytes).toBeGreaterThan(0)
})
