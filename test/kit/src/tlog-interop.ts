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
} from 'node:fs'
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
  if (existsSync(program)) return program
  mkdirSync(CACHE, { recursive: true })
  const staging = mkdtempSync(`${program}-`)
  try {
    const staged = path.join(staging, 'interop')
    const build = spawnSync('go', ['build', '-trimpath', '-o', staged, '.'], {
      cwd: FOLDER,
      env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-mod=readonly -buildvcs=false' },
      encoding: 'utf8',
      timeout: BUILD_TIMEOUT_MS,
    })
    if (build.status !== 0) throw new Error(`go build failed: ${build.stderr}`)
    for (const name of readdirSync(CACHE)) if (BUILT.test(name)) rmSync(path.join(CACHE, name))
    renameSync(staged, program)
    return program
  } finally {
    rmSync(staging, { recursive: true, force: true })
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
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: RUN_TIMEOUT_MS,
    killSignal: 'SIGKILL',
  })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', resolve)
  })
  return { ok: code === 0 && /(?:^|\n)ok\n$/.test(output), output }
}
