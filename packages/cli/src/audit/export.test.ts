import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { gunzipSync } from 'node:zlib'
import { toParquet } from '@verdict/export'
import { freePort, TestJournal, temporaryDirectory, waitFor } from '@verdict/kit'
import { expect, test } from 'vitest'
import { capture, type Ran, verdict } from '../../test/captured.ts'
import { ServedStream } from '../../test/served-stream.ts'
import { runCommandLine } from '../command-line.ts'
import { exportedDecisions } from './export-source.ts'

const SOON = { deadlineMs: 20_000 }
const MAIN = path.resolve(import.meta.dirname, '../main.ts')
const oneTo = (last: number): number[] => Array.from({ length: last }, (_, at) => at + 1)

/** A log of so many decisions, of which every third is denied, and a folder for its export. */
async function logOf(count: number) {
  const resources = new AsyncDisposableStack()
  const dir = resources.use(temporaryDirectory())
  const journal = new TestJournal('authz-1')
  const more = (n: number) =>
    oneTo(n).map((at) => journal.append({ outcome: at % 3 === 0 ? 'deny' : 'allow' }))
  const audit = resources.use(await ServedStream.start(more(count)))
  const out = path.join(dir.path, 'out')
  const args = (...given: string[]) => ['audit', 'export', '--audit', audit.url, ...given]
  return {
    ...{ audit, journal, out },
    add: (n: number) => audit.add(more(n)),
    args,
    run: async (...given: string[]): Promise<Ran> => await verdict(args(...given)),
    names: () => readdirSync(out).toSorted(new Intl.Collator('en', { numeric: true }).compare),
    /** The indices in finished files of lines, in the order of the names. */
    indices(): number[] {
      const finished = this.names().filter((name) => name.startsWith('decisions-'))
      return finished.flatMap((name) => {
        const bytes = readFileSync(path.join(out, name))
        return String(name.endsWith('.gz') ? gunzipSync(bytes) : bytes)
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line).index)
      })
    },
    [Symbol.asyncDispose]: async () => await resources.disposeAsync(),
  }
}

test('in a pipe each decision is a line of its format, from the oldest to the newest', async () => {
  await using log = await logOf(5)
  // The connection is lost now and then.
  log.audit.eventsMax = 3
  const { code, out } = await log.run('--format', 'cef', '--since', '2')
  expect(code).toBe(0)
  const lines = out.trim().split('\n')
  expect(lines.map((line) => Number(/ cn1=(\d+) /.exec(line)?.[1]))).toEqual([2, 3, 4, 5])
  const json = await log.run('--outcome', 'deny')
  expect(
    json.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).index),
  ).toEqual([3])
  expect(log.audit.asked).toContain('/v1/stream?outcome=deny')
  expect((await log.run('--outcome', 'error')).out).toBe('')
})

test('files are as large as they may be, compressed, and named by what is in them', async () => {
  await using log = await logOf(10)
  const { code, out } = await log.run('--out', log.out, '--max-bytes', '2KiB', '--gzip')
  expect([code, out]).toEqual([
    0,
    log
      .names()
      .map((name) => `${path.join(log.out, name)}\n`)
      .join(''),
  ])
  expect(log.names().length).toBeGreaterThan(2)
  expect(log.indices()).toEqual(oneTo(10))
  for (const name of log.names()) {
    const [, first, last] = /^decisions-(\d+)-(\d+)\.jsonl\.gz$/.exec(name) ?? []
    const lines = gunzipSync(readFileSync(path.join(log.out, name)))
    expect(lines.length).toBeLessThanOrEqual(2048)
    const indices = String(lines)
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).index)
    expect([indices[0], indices.at(-1)]).toEqual([Number(first), Number(last)])
  }
  log.add(3)
  await log.run('--out', log.out)
  expect(log.indices()).toEqual(oneTo(13))
  expect(log.names().at(-1)).toBe('decisions-11-13.jsonl')
  // With nothing new there is no file, and another format begins by itself.
  expect((await log.run('--out', log.out)).out).toBe('')
  expect((await log.run('--out', log.out, '--format', 'cef')).out).toMatch(/decisions-1-13\.cef\n$/)
})

test('a Parquet export has the rows of the log, in files of their own', async () => {
  await using log = await logOf(7)
  const rows = (await log.run()).out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  const parquet = ['--format', 'parquet', '--out', log.out]
  expect((await log.run(...parquet, '--max-bytes', '3KiB')).code).toBe(0)
  const ranges = log.names().map((name) => {
    const [, first, last] = /^decisions-(\d+)-(\d+)\.parquet$/.exec(name) ?? []
    const range = rows.slice(Number(first) - 1, Number(last))
    expect(readFileSync(path.join(log.out, name))).toEqual(Buffer.from(toParquet(range)))
    return range
  })
  expect(ranges.length).toBeGreaterThan(1)
  expect(ranges.flat()).toEqual(rows)
})

test('on a terminal it shows how far it is', async () => {
  await using log = await logOf(3)
  const { out } = await verdict(log.args('--out', log.out), { tty: true, env: { NO_COLOR: '1' } })
  expect(out).toContain('exporting decisions')
  expect(out).toMatch(/decisions-1-3\.jsonl {2}3 decisions\n/)
  expect(out).toMatch(/✓ exporting decisions · 3 decisions/)
})

test('a stream that stays lost ends an export that has an end', async () => {
  const states: boolean[] = []
  const decisions = exportedDecisions({
    ...{ after: 0, end: 5, filter: {}, lostMs: 10, signal: new AbortController().signal },
    auditUrl: `http://127.0.0.1:${await freePort()}`,
    onState: ({ connected }) => states.push(connected),
  })
  await expect(decisions.next()).rejects.toMatchObject({ code: 'audit_unavailable' })
  expect(states).toEqual([false])
})

test('what follows goes to files by their age, and a stop finishes the last one', async () => {
  await using log = await logOf(2)
  const captured = capture()
  const args = log.args('--out', log.out, '--follow', '--max-age', '1s')
  const running = runCommandLine(args, captured.context)
  const finished = async (name: string) =>
    await waitFor(() => captured.out().includes(name), { ...SOON, what: name })
  // Nothing comes that could finish it.
  await finished('decisions-1-2.jsonl')
  log.add(3)
  const isDraft = () => log.names().some((name) => name.endsWith('.part'))
  await waitFor(isDraft, { ...SOON, what: 'the next file to be begun' })
  captured.stop.abort()
  expect(await running).toBe(0)
  expect(log.indices()).toEqual(oneTo(5))
  expect(log.names().filter((name) => name.endsWith('.part'))).toEqual([])
})

test('killed in the middle and started again, each decision is in the files once', async () => {
  await using log = await logOf(40)
  const args = log.args('--out', log.out, '--follow', '--max-bytes', '4KiB')
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: 'ignore' })
  const begun = () => {
    try {
      return (
        log.names().some((name) => name.startsWith('decisions-')) &&
        log.names().some((name) => name.endsWith('.part'))
      )
    } catch {
      // The folder is not there yet.
      return false
    }
  }
  await waitFor(begun, { ...SOON, what: 'a finished file and a draft' })
  child.kill('SIGKILL')
  await once(child, 'exit')
  const before = log.names()
  expect(before.some((name) => name.endsWith('.part'))).toBe(true)
  log.add(5)
  expect((await log.run('--out', log.out, '--max-bytes', '4KiB')).code).toBe(0)
  expect(log.indices()).toEqual(oneTo(45))
  expect(log.names().filter((name) => name.endsWith('.part'))).toEqual([])
})

test('a folder that can’t be written is said, what is finished stays, and it goes on', async () => {
  await using log = await logOf(4)
  expect((await log.run('--out', log.out)).code).toBe(0)
  log.add(2)
  const captured = capture()
  const running = runCommandLine(log.args('--out', log.out, '--follow'), captured.context)
  await waitFor(() => log.names().length === 2, { ...SOON, what: 'a draft' })
  const [draft = ''] = log.names().filter((name) => name.endsWith('.part'))
  rmSync(path.join(log.out, draft))
  captured.stop.abort()
  await running
  expect(captured.err()).toMatch(/can't be written: ENOENT.*what is finished stays/)
  expect(log.names()).toEqual(['decisions-1-4.jsonl'])
  expect((await log.run('--out', log.out)).code).toBe(0)
  expect(log.indices()).toEqual(oneTo(6))
})

/** A small disk of its own, as far as this user may have one. */
function onSmallDisk(command: string): string[] {
  const mount = 'mount -t tmpfs -o size=16k tmpfs "$OUT"'
  return ['-rm', 'sh', '-c', `mkdir -p "$OUT" && ${mount} && ${command}`]
}
const hasSmallDisk =
  spawnSync('unshare', onSmallDisk('true'), { env: { ...process.env, OUT: '/tmp' } }).status === 0
const needed = hasSmallDisk ? '' : ' (left out: needs `unshare` with a mount of its own)'

test.skipIf(!hasSmallDisk)(`a full disk is said, and what is finished stays${needed}`, async () => {
  await using log = await logOf(40)
  const export_ = `"$NODE" "$MAIN" ${log.args('--max-bytes', '4KiB', '--out', '"$OUT"').join(' ')}`
  const env = { ...process.env, OUT: log.out, NODE: process.execPath, MAIN }
  const child = spawn('unshare', onSmallDisk(`${export_}; echo "code $?"; ls -A "$OUT"`), { env })
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)])
  const [printed = '', listed = ''] = out.split('code 3\n')
  expect(err).toMatch(/`.*out` can't be written: ENOSPC: no space left on device.*start again/)
  const names = listed.trim().split('\n')
  expect(names.length).toBeGreaterThan(1)
  expect(names.map((name) => path.join(log.out, name)).toSorted()).toEqual(
    printed.trim().split('\n').toSorted(),
  )
})

test('the last decision may be gone meanwhile: the export ends all the same', async () => {
  await using log = await logOf(4)
  log.audit.pruned.add(4)
  const { code, out } = await log.run()
  expect([code, out.trim().split('\n').length]).toEqual([0, 3])
})

test('a folder of another log is refused, and so is an audit that is not there', async () => {
  await using log = await logOf(3)
  await log.run('--out', log.out)
  writeFileSync(path.join(log.out, 'decisions-4-90.jsonl'), '')
  const { code, err } = await log.run('--out', log.out)
  expect([code, err]).toEqual([3, expect.stringContaining('it is of another')])
  const { url } = log.audit
  await log.audit[Symbol.asyncDispose]()
  expect(await verdict(['audit', 'export', '--audit', url])).toMatchObject({ code: 3, out: '' })
})

test.each([
  [['--format', 'xml'], 'json, ocsf, ecs, cef, cloudevents, parquet'],
  [['--format', 'toString'], 'expected one of'],
  [['--format', 'parquet'], '--out'],
  [['--gzip'], 'need `--out`'],
  [['--format', 'parquet', '--out', 'x', '--gzip'], 'by itself'],
  [['--out', 'x', '--max-bytes', '1TB'], '--max-bytes 1TB'],
  [['--out', 'x', '--max-age', '0s'], '--max-age 0s'],
])('%j is refused', async (args, why) => {
  const { code, err } = await verdict(['audit', 'export', ...args])
  expect([code, err]).toEqual([2, expect.stringContaining(why)])
})
