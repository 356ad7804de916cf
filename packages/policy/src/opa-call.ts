import { execFile } from 'node:child_process'
import path from 'node:path'
import { promisify } from 'node:util'
import { messageOf } from '@verdict/contract'
import { PolicyError, PolicyErrorCode } from './errors.ts'

/** A call of `opa` that prints more is killed, and has failed. */
const OPA_OUTPUT_BYTES_MAX = 16 * 1024 ** 2
/** Of all problems of the policies, a message tells this many. */
const PROBLEMS_TOLD_MAX = 3

/** How to call `opa` on the policies in a folder. */
export interface OpaCall {
  /** The program, as a path or as a name on PATH. */
  readonly opa: string
  /** The folder with the policies: the files in messages are relative to it. */
  readonly folder: string
  readonly timeoutMs: number
  readonly signal?: AbortSignal
}

/** What it printed, and whether it was content. */
export interface OpaAnswer {
  readonly ok: boolean
  readonly stdout: string
  readonly stderr: string
}

interface Problem {
  readonly message: string
  readonly location?: { readonly file: string; readonly row: number }
}

const run = promisify(execFile)

/**
 * Calls `opa` with these arguments, and waits until it ends.
 * @throws {PolicyError} `opa_unavailable`, `opa_timed_out`, `opa_failed`, `build_aborted`
 */
export async function askOpa(call: OpaCall, args: readonly string[]): Promise<OpaAnswer> {
  const { opa, folder, timeoutMs, signal } = call
  try {
    // A path is meant from where the process runs, not from the folder that opa works in.
    const program = opa.includes(path.sep) ? path.resolve(opa) : opa
    const printed = await run(program, args, {
      cwd: folder,
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
      maxBuffer: OPA_OUTPUT_BYTES_MAX,
      ...(signal && { signal }),
    })
    return { ok: true, ...printed }
  } catch (cause) {
    const failure = cause as Failure
    if (typeof failure.code === 'number') {
      return { ok: false, stdout: failure.stdout ?? '', stderr: failure.stderr ?? '' }
    }
    throw failed(call, args[0] ?? '', failure)
  }
}

/** What execFile rejects with: `code` is the exit code, or the name of what kept it from one. */
interface Failure extends Error {
  readonly code?: number | string | null
  readonly killed?: boolean
  readonly signal?: string | null
  readonly stdout?: string
  readonly stderr?: string
}

function failed({ opa, timeoutMs, signal }: OpaCall, verb: string, cause: Failure): PolicyError {
  if (signal?.aborted) {
    const message = `\`opa ${verb}\` was given up, because the process stops`
    return new PolicyError(PolicyErrorCode.buildAborted, message, { cause })
  }
  if (cause.code === 'ERR_CHILD_PROCESS_STDIO_MAXBUFFER') {
    const message = `\`opa ${verb}\` printed more than ${OPA_OUTPUT_BYTES_MAX} bytes`
    return new PolicyError(PolicyErrorCode.opaFailed, message, { cause })
  }
  if (typeof cause.code === 'string') {
    const message = `\`${opa}\` cannot be run: ${messageOf(cause)}`
    return new PolicyError(PolicyErrorCode.opaUnavailable, message, { cause })
  }
  if (cause.killed) {
    const message =
      `\`opa ${verb}\` took longer than ${timeoutMs} ms and was killed: ` +
      'make the policies or their tests smaller, or allow more time'
    return new PolicyError(PolicyErrorCode.opaTimedOut, message, { cause })
  }
  const message = `\`opa ${verb}\` was ended by ${cause.signal}`
  return new PolicyError(PolicyErrorCode.opaFailed, message, { cause })
}

/** The error for policies that `opa` was not content with. */
export function refused(what: string, answer: OpaAnswer): PolicyError {
  const problems = problemsOf(answer)
  if (problems.length === 0) {
    return new PolicyError(PolicyErrorCode.opaFailed, `\`${what}\` failed without saying why`)
  }
  return new PolicyError(
    PolicyErrorCode.policyRefused,
    `the policies do not pass \`${what}\`: ${some(problems)}`,
  )
}

/** `opa check` says it in JSON; `opa test` and `opa build` in text, details indented. */
function problemsOf({ stdout, stderr }: OpaAnswer): string[] {
  const told = parse(stderr) as { errors?: Problem[] } | undefined
  if (Array.isArray(told?.errors)) {
    return told.errors.map(({ location, message }) => {
      const place = location?.file ? `${location.file}:${location.row}: ` : ''
      return `${place}${oneLine(message)}`
    })
  }
  return `${stderr}\n${stdout}`
    .replaceAll(/(^error: )|(load error: )|(\d+ errors? occurred( during loading)?:)/gm, '')
    .split('\n')
    .filter((line) => /^ ?\S/.test(line))
    .map(oneLine)
}

/** What it printed as JSON; undefined where that is something else. */
export function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // Not every failure is told in JSON: the caller reads the text then.
    return undefined
  }
}

/** The first problems, and how many more there are. */
export function some(problems: readonly string[]): string {
  const more = problems.length - PROBLEMS_TOLD_MAX
  const told = problems.slice(0, PROBLEMS_TOLD_MAX).join('; ')
  return more > 0 ? `${told}; and ${more} more` : told
}

export function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim()
}
