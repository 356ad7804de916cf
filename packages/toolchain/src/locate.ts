import { access, constants } from 'node:fs/promises'
import path from 'node:path'
import { runCommand } from './command.ts'
import { type Environment, type LocateOptions, placesOf } from './config.ts'
import { ToolchainError, ToolchainErrorCode } from './errors.ts'
import { isSupported, TOOL_SOURCES, type Tool } from './tools.ts'

/** A tool tells its version within this time, or it counts as not runnable. */
const VERSION_TIMEOUT_MS = 20_000

/** A tool that is there at a supported version. */
export interface FoundTool {
  readonly path: string
  readonly version: string
  readonly from: 'setting' | 'cache' | 'path'
}

/**
 * The file of a tool at a supported version: the setting `VERDICT_*_BIN`, then the cache, then
 * PATH; undefined where it is nowhere.
 * @throws {ToolchainError} `setting_invalid`
 */
export async function locate(tool: Tool, options: LocateOptions = {}): Promise<string | undefined> {
  return (await findTool(tool, options))?.path
}

/** As `locate`, with the version and where it was found. @throws {ToolchainError} */
export async function findTool(
  tool: Tool,
  options: LocateOptions = {},
): Promise<FoundTool | undefined> {
  const { cacheDir, env } = placesOf(options)
  const { minimum, setting } = TOOL_SOURCES[tool]
  const set = env[setting]
  if (set !== undefined && set !== '') {
    const version = await versionOf(tool, set, env)
    if (version === undefined || !isSupported(version, minimum)) {
      throw invalidSetting(tool, set, version)
    }
    return { path: set, version, from: 'setting' }
  }
  const cached = await supported(tool, cachedFile(cacheDir, tool), env)
  if (cached !== undefined) return { ...cached, from: 'cache' }
  for (const folder of (env['PATH'] ?? '').split(path.delimiter)) {
    if (!path.isAbsolute(folder)) continue
    const found = await supported(tool, path.join(folder, tool), env)
    if (found !== undefined) return { ...found, from: 'path' }
  }
  return undefined
}

/** Where the cache holds a tool. */
export function cachedFile(cacheDir: string, tool: Tool): string {
  return path.join(cacheDir, 'bin', tool)
}

/** The version that a file tells of itself; undefined where it is not the tool. */
export async function versionOf(
  tool: Tool,
  file: string,
  env: Environment,
): Promise<string | undefined> {
  const { versionArguments, versionPattern } = TOOL_SOURCES[tool]
  const result = await runCommand(file, versionArguments, { env, timeoutMs: VERSION_TIMEOUT_MS })
  return result.ok ? versionPattern.exec(result.output)?.[1] : undefined
}

async function supported(
  tool: Tool,
  file: string,
  env: Environment,
): Promise<{ path: string; version: string } | undefined> {
  try {
    await access(file, constants.X_OK)
  } catch {
    // Not there, or not ours to run: the next place.
    return undefined
  }
  const version = await versionOf(tool, file, env)
  if (version === undefined || !isSupported(version, TOOL_SOURCES[tool].minimum)) return undefined
  return { path: file, version }
}

function invalidSetting(tool: Tool, file: string, version: string | undefined): ToolchainError {
  const { minimum, setting } = TOOL_SOURCES[tool]
  const is = version === undefined ? `does not run as ${tool}` : `is ${tool} ${version}`
  const next = `${Number.parseInt(minimum, 10) + 1}.0.0`
  return new ToolchainError(
    ToolchainErrorCode.settingInvalid,
    `\`${setting}\` names \`${file}\`, which ${is}: ` +
      `name a file of ${tool} ${minimum} or newer (below ${next}), or unset it`,
  )
}
