import { spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import path from 'node:path'
import { provide, REPOSITORY_ROOT, tryProvide } from '@verdict/toolchain'
import { type CommandContext, defineCommand, ExitCode } from '../command.ts'

/** A Ctrl-C reaches the tests by themselves; a signal to us alone is passed on after this long. */
const STOP_TIMEOUT_MS = 5_000

export const runTests = defineCommand({
  name: 'test',
  summary: "run the project's own tests",
  description: `
Brings opa, nats-server and, where they can be had, Envoy and Caddy; then runs all the tests of
this project. Arguments are passed to vitest. The last line is \`N passed, N failed\`.
`,
  positionals: '[vitest arguments]',
  positionalsMax: 0,
  options: {},
  passThrough: true,
  examples: ['verdict test', 'verdict test packages/bus', 'verdict test -t "a stale bundle"'],
  async run(_options, args, context) {
    await bringTools(context)
    return await runVitest(args, context)
  },
})

async function bringTools({ terminal, env, stop }: CommandContext): Promise<void> {
  const step = terminal.step('finding opa, nats-server, Envoy and Caddy')
  const options = { env, signal: stop, onProgress: (doing: string) => step.update(doing) }
  try {
    await provide('opa', options)
    await provide('nats-server', options)
    const without: string[] = []
    for (const tool of ['envoy', 'caddy'] as const) {
      const found = await tryProvide(tool, options)
      if (found.path === undefined) without.push(`without ${tool}: ${found.reason}`)
    }
    step.done(without.join('; '))
  } catch (error) {
    step.failed()
    throw error
  }
}

async function runVitest(args: readonly string[], { env, stop }: CommandContext): Promise<number> {
  const manifest = createRequire(import.meta.url).resolve('vitest/package.json')
  const vitest = path.join(path.dirname(manifest), 'vitest.mjs')
  const config = path.join(REPOSITORY_ROOT, 'test', 'vitest.config.ts')
  const child = spawn(process.execPath, [vitest, 'run', '--config', config, ...args], {
    cwd: REPOSITORY_ROOT,
    env: { ...env },
    stdio: 'inherit',
  })
  stop.addEventListener('abort', () => {
    setTimeout(() => child.kill('SIGTERM'), STOP_TIMEOUT_MS).unref()
  })
  return await new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => resolve(code ?? ExitCode.interrupted))
  })
}
