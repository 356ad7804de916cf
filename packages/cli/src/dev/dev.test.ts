import { existsSync, readFileSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { Cluster, startBus, temporaryDirectory, waitFor } from '@verdict/kit'
import { expect, test } from 'vitest'
import { capture, verdict } from '../../test/captured.ts'
import { runCommandLine } from '../command-line.ts'
import type { RunFile } from './run-file.ts'

const { PATH, VERDICT_OPA_BIN, VERDICT_NATS_SERVER_BIN } = process.env
const env = { PATH, VERDICT_OPA_BIN, VERDICT_NATS_SERVER_BIN }

test('policies that do not compile stop the start with the words of the compiler', async () => {
  await using folder = temporaryDirectory()
  const policies = path.join(folder.path, 'policies')
  await mkdir(policies)
  await writeFile(path.join(policies, 'broken.rego'), 'package envoy.authz\n\nallow := \n')
  const dataDir = path.join(folder.path, 'data')
  const args = ['dev', '--no-demo', '--data-dir', dataDir, '--policies', policies]
  const { code, out, err } = await verdict(args, { env })
  expect(err).toMatch(/^verdict: .*broken\.rego:\d+/)
  expect(out).toContain('✗ compiling and testing the policies')
  expect(out).not.toContain('starting')
  expect(code).toBe(1)
  expect(existsSync(path.join(dataDir, 'run.json'))).toBe(false)
})

test('a port in use stops the start before anything runs', async () => {
  await using bus = await startBus()
  await using folder = temporaryDirectory()
  const place = ['--data-dir', path.join(folder.path, 'data'), '--port-base', String(bus.port - 5)]
  const { code, out, err } = await verdict(['dev', '--no-demo', ...place], { env })
  expect(err).toContain(`${bus.port} (nats-server)`)
  expect(err).toContain('or pass `--port-base N`')
  expect(out).not.toContain('starting')
  expect(code).toBe(1)
})

test('a Ctrl-C during the start stops it and is no error', async () => {
  await using folder = temporaryDirectory()
  const { context, stop, err } = capture({ env })
  stop.abort()
  const args = ['dev', '--no-demo', '--data-dir', folder.path]
  expect(await runCommandLine(args, context)).toBe(0)
  expect(err()).toBe('')
})

test('what a killed `verdict dev` leaves behind is ended by the next one', async () => {
  await using folder = temporaryDirectory()
  const dataDir = path.join(folder.path, 'data')
  await using first = await Cluster.start({ dataDir })
  const left = first.pid('nats-server')
  process.kill((await runFile(dataDir)).pid, 'SIGKILL')
  await waitFor(async () => !(await first.ready()), { deadlineMs: 20_000, what: 'the end' })
  expect(isAlive(left)).toBe(true)
  await using second = await Cluster.start({ dataDir })
  expect(isAlive(left)).toBe(false)
  expect(second.output).toContain(`! ending nats-server (pid ${left})`)
  const processes = (await runFile(dataDir)).processes.map(({ pid }) => pid)
  expect(await second.stop()).toBe(0)
  expect(processes.filter(isAlive)).toEqual([])
  expect(existsSync(path.join(dataDir, 'run.json'))).toBe(false)
}, 120_000)

async function runFile(dataDir: string): Promise<RunFile> {
  return JSON.parse(await readFile(path.join(dataDir, 'run.json'), 'utf8'))
}

/** A process that has ended and that nobody has taken note of yet has no command line any more. */
function isAlive(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8') !== ''
  } catch {
    return false
  }
}
