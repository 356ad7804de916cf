import { readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import { Readable } from 'node:stream'
import { temporaryDirectory } from '@verdict/kit'
import { expect, test } from 'vitest'
import { capture } from '../../test/captured.ts'
import { LogFile } from './log-file.ts'
import { envoyLine, natsServerLine, serviceLine } from './log-line.ts'
import { LINE_CHARS_MAX, outputLines } from './output-lines.ts'
import { ProcessOutput } from './process-output.ts'

const WARNING = '{"level":"warn","event":"policy_refused","msg":"a.rego:3: unexpected token"}'
const NEWS = '{"level":"info","event":"policy_active","revision":"0123456789abcdef","msg":"active"}'
const ROUTINE = '{"level":"info","event":"service_started","msg":"started"}'

async function output(folder: string, { verbose = false } = {}) {
  const { terminal, out } = capture()
  const log = await LogFile.open(path.join(folder, 'authz.log'))
  const options = { name: 'authz', log, format: serviceLine, terminal, verbose }
  return { output: new ProcessOutput(options), out, log }
}

test('the log gets every line, the terminal what needs attention or is news', async () => {
  await using folder = temporaryDirectory()
  const { output: authz, out, log } = await output(folder.path)
  authz.announce()
  await authz.follow(Readable.from([`${ROUTINE}\n${WARNING}\n${NEWS}\n`]))
  await authz.close()
  expect(await readFile(log.file, 'utf8')).toBe(`${ROUTINE}\n${WARNING}\n${NEWS}\n`)
  expect(out()).toMatch(
    /^[\d:]{8} authz +a\.rego:3: unexpected token\n\S+ +\S+ +active: revision 0123456789ab\n$/,
  )
})

test('of several processes the terminal says which one spoke', () => {
  const line = '{"level":"info","process":2,"event":"policy_active","msg":"active"}'
  expect(serviceLine(line)).toMatchObject({ message: 'active (process 2)' })
  expect(serviceLine(NEWS).message).toBe('active: revision 0123456789ab')
})

test('warnings of the start are shown when the cluster is up, none while it stops', async () => {
  await using folder = temporaryDirectory()
  const { output: authz, out } = await output(folder.path)
  await authz.take(WARNING)
  await authz.take(NEWS)
  expect(out()).toBe('')
  authz.announce()
  expect(out()).toMatch(/unexpected token\n$/)
  const before = out()
  authz.silence()
  await authz.take(WARNING)
  expect(out()).toBe(before)
  await authz.close()
})

test('a process that warns without end is cut short, with the name of its log', async () => {
  await using folder = temporaryDirectory()
  const { output: authz, out, log } = await output(folder.path)
  authz.announce()
  await authz.follow(Readable.from([`${WARNING}\n`.repeat(500)]))
  await authz.close()
  const lines = out().trimEnd().split('\n')
  expect(lines.length).toBe(21)
  expect(lines.at(-1)).toContain(`more of this is in ${log.file}`)
})

test('with verbose the terminal gets every line', async () => {
  await using folder = temporaryDirectory()
  const { output: authz, out } = await output(folder.path, { verbose: true })
  await authz.take(ROUTINE)
  await authz.close()
  expect(out()).toMatch(/authz +started\n$/)
})

test('the last words of a process are the last that it said', async () => {
  await using folder = temporaryDirectory()
  const { output: authz } = await output(folder.path)
  await authz.take('VERDICT_AUTHZ_HTTP_PORT: expected a port')
  await authz.take(WARNING)
  await authz.close()
  expect(authz.lastWords()).toBe(
    '  VERDICT_AUTHZ_HTTP_PORT: expected a port\n  a.rego:3: unexpected token',
  )
})

test('what a process logs cannot steer the terminal', async () => {
  await using folder = temporaryDirectory()
  const { output: authz, out } = await output(folder.path)
  authz.announce()
  await authz.take(JSON.stringify({ level: 'error', msg: 'bad path \x1b[2J' }))
  await authz.close()
  expect(out()).toContain('bad path \\u{1b}[2J')
})

test('lines of nats-server and Envoy are warnings where they say so', () => {
  expect(natsServerLine('[12] 2026/01/31 12:00:00.000001 [WRN] slow consumer')).toEqual({
    level: 'warn',
    message: 'slow consumer',
  })
  expect(natsServerLine('[12] 2026/01/31 12:00:00.000001 [INF] ready').level).toBe('info')
  expect(
    envoyLine('[2026-01-31 12:00:00.000][7][critical][main] [main.cc:4] no config').level,
  ).toBe('error')
  expect(envoyLine('{"method":"GET","status":200}').level).toBe('info')
})

test('a line that never ends is cut, and the rest goes on as lines', async () => {
  const lines: string[] = []
  const text = 'x'.repeat(LINE_CHARS_MAX + 5)
  for await (const line of outputLines(Readable.from([`${text}\nshort\nopen`]))) lines.push(line)
  expect(lines.map(({ length }) => length)).toEqual([LINE_CHARS_MAX, 5, 5, 4])
})

test('a log is rotated once at its size, and takes at most twice that', async () => {
  await using folder = temporaryDirectory()
  const log = await LogFile.open(path.join(folder.path, 'a.log'), 100)
  for (let n = 0; n < 50; n += 1) await log.write(`line ${n}`)
  await log.close()
  expect(await readFile(log.file, 'utf8')).toMatch(/line 49\n$/)
  for (const file of [log.file, `${log.file}.1`]) {
    expect((await stat(file)).size).toBeLessThanOrEqual(100)
  }
  const kept = (await readFile(`${log.file}.1`, 'utf8')) + (await readFile(log.file, 'utf8'))
  const numbers = kept.match(/\d+/g)?.map(Number) ?? []
  expect(numbers).toEqual(numbers.map((_, index) => (numbers[0] ?? 0) + index))
})

test('a log that exists is continued', async () => {
  await using folder = temporaryDirectory()
  const file = path.join(folder.path, 'a.log')
  for (const line of ['first', 'second']) {
    const log = await LogFile.open(file)
    await log.write(line)
    await log.close()
  }
  expect(await readFile(file, 'utf8')).toBe('first\nsecond\n')
})
