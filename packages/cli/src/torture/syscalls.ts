import { readFile } from 'node:fs/promises'
import path from 'node:path'
import type { Environment } from '@verdict/toolchain'
import { CliError, CliErrorCode } from '../errors.ts'
import { type Ended, runToEnd } from './run-to-end.ts'

/** Whatever makes, changes, names or makes durable a file, under the names that Linux has. */
const CALLS = [
  ...['write', 'pwrite64', 'writev', 'pwritev', 'fsync', 'fdatasync', 'ftruncate', 'openat'],
  ...['rename', 'renameat', 'renameat2', 'unlink', 'unlinkat', 'rmdir', 'mkdir', 'mkdirat'],
]
const FAULTS = ['error=EIO', 'error=ENOSPC', 'signal=KILL'] as const
const RUN_TIMEOUT_MS = 60_000
/** Stops at the calls that are traced and at no other; no signal is sent then (strace 6.1). */
const FAST = '--seccomp-bpf'
/** As strace tells of an error; after a kill it ends as its program did, without a word. */
const INJECTED = '(INJECTED)'
const CALL = /^(\d+) +(\w+)\(/
/** What a descriptor stands for, or a name that is given; names are shown whole. */
const PATH = /<([^<>]+)>|"([^"]*)"/g
/** Node's own threads for files: with one of them its calls have one order. */
const ONE_THREAD = { UV_THREADPOOL_SIZE: '1' }

/** One fault at one call: of each thread the `nth` that is about one of the files. */
export interface Injection {
  readonly call: string
  readonly nth: number
  readonly fault: (typeof FAULTS)[number]
}

/** The calls of a program that are about the files of a folder. */
export interface FileCalls {
  readonly dir: string
  /** How often each was made, by the thread that made the most of them. */
  readonly counts: ReadonlyMap<string, number>
  readonly paths: ReadonlySet<string>
}

/** A program that is traced. */
export interface TracedProgram {
  readonly file: string
  readonly args: readonly string[]
  readonly env: Environment
  readonly stop: AbortSignal
}

/** Runs a program, and tells what it does with the files of a folder. */
export async function traceCalls(program: TracedProgram, dir: string): Promise<FileCalls> {
  const options = [FAST, '-y', '-e', `trace=${CALLS.join(',')}`]
  const { trace, ...ended } = await strace(program, dir, options)
  if (ended.code !== 0) {
    const message = `a program fails without any fault: ${ended.output.trim()}`
    throw new CliError(CliErrorCode.tortureFailed, message)
  }
  return readTrace(trace, dir)
}

/** What a trace of strace says about the files of a folder. */
export function readTrace(trace: string, dir: string): FileCalls {
  const byThread = new Map<string, number>()
  const counts = new Map<string, number>()
  const paths = new Set<string>()
  for (const line of trace.split('\n')) {
    const [, thread, call] = CALL.exec(line) ?? []
    if (thread === undefined || call === undefined) continue
    const own = [...line.matchAll(PATH)]
      .map(([, known, given]) => known ?? given ?? '')
      .filter((name) => name === dir || name.startsWith(`${dir}${path.sep}`))
    if (own.length === 0) continue
    for (const name of own) paths.add(name)
    const count = (byThread.get(`${thread} ${call}`) ?? 0) + 1
    byThread.set(`${thread} ${call}`, count)
    counts.set(call, Math.max(count, counts.get(call) ?? 0))
  }
  return { dir, counts, paths }
}

/** Every fault at every call. */
export function injectionsOf({ counts }: FileCalls): Injection[] {
  return [...counts].flatMap(([call, count]) =>
    Array.from({ length: count }, (_, at) => at + 1).flatMap((nth) =>
      FAULTS.map((fault) => ({ call, nth, fault })),
    ),
  )
}

/** Runs a program with one fault; `isInjected` tells whether it came to that call. */
export async function runInjected(
  program: TracedProgram,
  { dir, paths }: FileCalls,
  { call, nth, fault }: Injection,
): Promise<Ended & { readonly isInjected: boolean }> {
  const files = [...paths].flatMap((name) => ['-P', name])
  const inject = `inject=${call}:${fault}:when=${nth}`
  const fast = fault === 'signal=KILL' ? [] : [FAST]
  const options = [...fast, ...files, '-e', `trace=${call}`, '-e', inject]
  const { trace, ...ended } = await strace(program, dir, options)
  return { ...ended, isInjected: ended.signal !== null || trace.includes(INJECTED) }
}

/** Runs a program with no fault. */
export async function runPlain({ file, args, env, stop }: TracedProgram): Promise<Ended> {
  return await runToEnd(process.execPath, [file, ...args], { env, stop, timeoutMs: RUN_TIMEOUT_MS })
}

async function strace(
  { file, args, env, stop }: TracedProgram,
  dir: string,
  options: readonly string[],
): Promise<Ended & { readonly trace: string }> {
  const out = `${dir}.trace`
  const command = ['-f', '-s', '4096', '-o', out, ...options]
  const ended = await runToEnd('strace', [...command, process.execPath, file, ...args], {
    env: { ...env, ...ONE_THREAD },
    timeoutMs: RUN_TIMEOUT_MS,
    stop,
  })
  return { ...ended, trace: await readFile(out, 'utf8') }
}
