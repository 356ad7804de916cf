import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

/** Of one call; a whole folder of cases is read by one. */
const OPA_TIMEOUT_MS = 120_000
const OUTPUT_BYTES_MAX = 256 * 1024 ** 2

const run = promisify(execFile)

export interface OpaAnswer {
  readonly ok: boolean
  readonly stdout: string
  readonly stderr: string
}

/** Calls `opa`, in UTC, which is where this engine always is. */
export async function askOpa(
  opa: string,
  args: readonly string[],
  { folder, stdin }: { readonly folder: string; readonly stdin?: string },
): Promise<OpaAnswer> {
  const call = run(opa, args, {
    cwd: folder,
    env: { ...process.env, TZ: 'UTC' },
    timeout: OPA_TIMEOUT_MS,
    maxBuffer: OUTPUT_BYTES_MAX,
  })
  call.child.stdin?.end(stdin)
  try {
    return { ok: true, ...(await call) }
  } catch (cause) {
    const failure = cause as Failure
    if (typeof failure.code !== 'number') throw cause
    return { ok: false, stdout: failure.stdout, stderr: failure.stderr }
  }
}

interface Failure {
  readonly code?: number | string | null
  readonly stdout: string
  readonly stderr: string
}
