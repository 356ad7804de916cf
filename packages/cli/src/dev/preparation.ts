import path from 'node:path'
import { createKeys } from '@verdict/bus'
import { buildBundle } from '@verdict/policy'
import { lockFile, provide, ToolchainError, tryProvide } from '@verdict/toolchain'
import type { CommandContext } from '../command.ts'
import { CliError, CliErrorCode } from '../errors.ts'
import { shownPath } from '../shown-path.ts'
import { checkPorts, type Ports, portsInUse } from './ports.ts'
import { endOrphans, readRunFile } from './run-file.ts'
import { folders } from './settings.ts'

const REVISION_CHARS_SHOWN = 12

/** The programs that a cluster runs. */
export interface Tools {
  readonly opa: string
  readonly natsServer: string
  readonly envoy: { readonly path: string } | { readonly path: undefined; readonly reason?: string }
}

/** Finds the programs, or builds them. @throws {ToolchainError} */
export async function prepareTools(
  demo: boolean,
  { terminal, env, stop }: CommandContext,
): Promise<Tools> {
  const step = terminal.step(
    demo ? 'finding opa, nats-server and Envoy' : 'finding opa and nats-server',
  )
  const options = { env, signal: stop, onProgress: (doing: string) => step.update(doing) }
  try {
    const opa = await provide('opa', options)
    const natsServer = await provide('nats-server', options)
    const envoy = demo ? await tryProvide('envoy', options) : { path: undefined }
    const without = demo && envoy.path === undefined ? 'without Envoy' : ''
    step.done(without)
    return { opa, natsServer, envoy }
  } catch (error) {
    step.failed()
    throw error
  }
}

export interface PoliciesOptions {
  readonly opa: string
  readonly policiesDir: string
  readonly entrypoint: string
  /** Where authz will look for what is built here. */
  readonly cacheDir: string
}

/** Compiles the policies, so that a mistake in them is told before anything runs. */
export async function preparePolicies(
  { opa, policiesDir, entrypoint, cacheDir }: PoliciesOptions,
  { terminal, stop, env }: CommandContext,
): Promise<void> {
  const step = terminal.step(`compiling and testing the policies in ${shownPath(policiesDir)}`)
  try {
    const bundle = await buildBundle({
      opa,
      sources: policiesDir,
      entrypoints: [entrypoint],
      cacheDir,
      signal: stop,
      // As authz, which reads it, will build them.
      allowFetch: (env['VERDICT_AUTHZ_FETCH_HOSTS'] ?? '') !== '',
    })
    step.done(`revision ${bundle.revision.slice(0, REVISION_CHARS_SHOWN)}`)
  } catch (error) {
    step.failed()
    throw error
  }
}

/** Makes one key for each role; those that exist stay. */
export async function prepareKeys(dataDir: string, { terminal }: CommandContext): Promise<void> {
  const { keys } = folders(dataDir)
  const step = terminal.step('making a key for each role')
  await createKeys(keys)
  step.done(shownPath(keys))
}

/** Sees that nobody is in the way: an earlier run that was killed, or other programs. */
export async function clearTheWay(
  { dataDir, ports, demo }: { dataDir: string; ports: Ports; demo: boolean },
  { terminal }: CommandContext,
): Promise<void> {
  const earlier = await readRunFile(dataDir)
  if (earlier !== undefined) {
    await endOrphans(earlier, ({ name, pid }) =>
      terminal.line(`! ending ${name} (pid ${pid}), which an earlier run left behind`),
    )
  }
  await checkPorts(ports, portsInUse(demo), '127.0.0.1')
}

/** Takes the data folder for this process alone. @throws {CliError} `already_running` */
export async function takeDataDir(dataDir: string): Promise<{ release(): void }> {
  try {
    return await lockFile(path.join(dataDir, 'dev.lock'), { timeoutMs: 0 })
  } catch (error) {
    if (!(error instanceof ToolchainError)) throw error
    const pid = (await readRunFile(dataDir))?.pid
    const who = pid === undefined ? 'another `verdict dev`' : `\`verdict dev\` with pid ${pid}`
    throw new CliError(
      CliErrorCode.alreadyRunning,
      `\`${shownPath(dataDir)}\` is in use by ${who}: end it, ` +
        'or pass `--data-dir` and `--port-base` to run a second cluster',
      { cause: error },
    )
  }
}
