import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

const ROOT = path.resolve(import.meta.dirname, '../../..')
/** A program in Go that verifies our logs by libraries that nobody here wrote. */
const FOLDER = path.join(ROOT, 'packages/tlog/test/interop')
/** Where the toolchain keeps what it builds. */
const CACHE = path.join(ROOT, '.cache/tools/bin')
const SOURCES = ['main.go', 'go.mod', 'go.sum']
/** A program of these or of earlier sources; only the newest is kept. */
const BUILT = /^tlog-interop-[0-9a-f]{16}$/
const BUILD_TIMEOUT_MS = 10 * 60_000
const RUN_TIMEOUT_MS = 60_000

/** The command of Tessera that verifies a log, as anybody installs it. */
const FSCK = 'github.com/transparency-dev/tessera/cmd/fsck'
const FSCK_VERSION = 'v1.0.4'

/** Why there is nothing to hold our log to, where Go is not installed. */
export function interopMissing(): string | undefined {
  const { status } = spawnSync('go', ['version'], { timeout: 20_000 })
  return status === 0 ? undefined : 'needs Go, which builds the programs of others'
}

/** Builds the program once for all runs, until its sources change. */
export function buildInterop(): string {
  const digest = createHash('sha256')
  for (const file of SOURCES) digest.update(readFileSync(path.join(FOLDER, file)))
  const program = path.join(CACHE, `tlog-interop-${digest.digest('hex').slice(0, 16)}`)
  return built(program, (staging) => {
    goes(['build', '-trimpath', '-o', path.join(staging, 'program'), '.'], {
      CGO_ENABLED: '0',
      GOFLAGS: '-mod=readonly -buildvcs=false',
    })
    for (const name of readdirSync(CACHE)) if (BUILT.test(name)) rmSync(path.join(CACHE, name))
    return 'program'
  })
}

/** Builds Tessera's own `fsck` once. */
export function buildFsck(): string {
  return built(path.join(CACHE, `tessera-fsck-${FSCK_VERSION}`), (staging) => {
    goes(['install', '-trimpath', `${FSCK}@${FSCK_VERSION}`], { CGO_ENABLED: '0', GOBIN: staging })
    return 'fsck'
  })
}

/** A program that is there, or that `build` makes in a folder and tells the name of. */
function built(program: string, build: (staging: string) => string): string {
  if (existsSync(program)) return program
  mkdirSync(CACHE, { recursive: true })
  const staging = mkdtempSync(`${program}.part-`)
  try {
    renameSync(path.join(staging, build(staging)), program)
    return program
  } finally {
    rmSync(staging, { recursive: true, force: true })
  }
}

function goes(args: readonly string[], env: Readonly<Record<string, string>>): void {
  const { status, stderr } = spawnSync('go', args, {
    cwd: FOLDER,
    env: { ...process.env, ...env },
    encoding: 'utf8',
    timeout: BUILD_TIMEOUT_MS,
  })
  if (status !== 0) throw new Error(`go ${args.join(' ')} failed: ${stderr}`)
}

/**
 * Whether `fsck` accepts a log: by its last line, for this version ends with 0 on a damaged one, too,
 * and without `--N` or a time limit it may wait for ever.
 */
export async function fsckAccepts(
  program: string,
  log: { readonly url: string; readonly vkey: string },
): Promise<boolean> {
  const folder = mkdtempSync(path.join(tmpdir(), 'verdict-fsck-'))
  try {
    const key = path.join(folder, 'log.pub')
    writeFileSync(key, `${log.vkey}\n`)
    const flags = ['--N=16', '--ui=false', `--storage_url=${log.url}`, `--public_key=${key}`]
    const { output } = await outputOf(program, flags, 'stderr')
    return output.includes("Successfully fsck'd log")
  } finally {
    rmSync(folder, { recursive: true })
  }
}

export interface InteropResult {
  /** Whether the program ended well and said so. */
  readonly ok: boolean
  readonly output: string
}

export async function runInterop(
  program: string,
  ...args: readonly string[]
): Promise<InteropResult> {
  const { code, output } = await outputOf(program, args)
  return { ok: code === 0 && /(?:^|\n)ok\n$/.test(output), output }
}

/** What a program answers, or what it reports. */
async function outputOf(
  program: string,
  args: readonly string[],
  from: 'stdout' | 'stderr' = 'stdout',
): Promise<{ code: number | null; output: string }> {
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: RUN_TIMEOUT_MS,
    killSignal: 'SIGKILL',
  })
  let output = ''
  child[from === 'stdout' ? 'stderr' : 'stdout'].resume()
  child[from].setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  return { code, output }
}
