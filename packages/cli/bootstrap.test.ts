import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { Readable } from 'node:stream'
import { type TemporaryDirectory, temporaryDirectory, waitFor } from '@verdict/kit'
import { expect, test } from 'vitest'

/** A project with the real bootstrap, and an npm that brings what `npmScript` says. */
async function project(npmScript: string): Promise<TemporaryDirectory & { readonly npm: string }> {
  const folder = temporaryDirectory()
  const cli = path.join(folder.path, 'packages', 'cli')
  await mkdir(path.join(cli, 'src'), { recursive: true })
  await copyFile(path.join(import.meta.dirname, 'bootstrap.mjs'), path.join(cli, 'bootstrap.mjs'))
  await writeFile(path.join(cli, 'src', 'main.ts'), MAIN)
  await writeFile(path.join(folder.path, 'package-lock.json'), '{}')
  const npm = path.join(folder.path, 'npm-cli.js')
  await writeFile(npm, npmScript)
  return { ...folder, npm }
}

/** Tells its arguments and how it was started; with `wait` it ends at SIGTERM, with code 7. */
const MAIN = `
if (process.argv[2] === 'wait') {
  process.on('SIGINT', () => console.log('SIGINT'))
  process.on('SIGTERM', () => { process.exitCode = 7; clearInterval(timer) })
  const timer = setInterval(() => {}, 1000)
}
console.log(JSON.stringify(process.argv.slice(2)), process.env.BROUGHT ?? 'own')
`

/** An npm that counts its runs and brings a Node.js: ours, under another name. */
const NPM = `
const fs = require('node:fs')
fs.appendFileSync('npm-runs', process.argv.slice(2).join(' ') + '\\n')
fs.rmSync('node_modules', { recursive: true, force: true })
fs.mkdirSync('node_modules/node/bin', { recursive: true })
const script = '#!/bin/sh\\nBROUGHT=yes exec ${process.execPath} "$@"\\n'
fs.writeFileSync('node_modules/node/bin/node', script, { mode: 0o755 })
`

function start(place: { path: string; npm: string }, args: readonly string[]) {
  const bootstrap = path.join(place.path, 'packages', 'cli', 'bootstrap.mjs')
  const child = spawn(process.execPath, [bootstrap, ...args], {
    cwd: place.path,
    env: { ...process.env, npm_execpath: place.npm },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [out, err] = [collect(child.stdout), collect(child.stderr)]
  const ended = once(child, 'close').then(([code]) => ({ code, out: out(), err: err() }))
  return { child, out, ended }
}

function collect(output: Readable): () => string {
  let collected = ''
  output.setEncoding('utf8').on('data', (text: string) => {
    collected += text
  })
  return () => collected
}

test('the locked packages are installed once, and again when the lock changes', async () => {
  await using place = await project(NPM)
  const first = await start(place, ['dev', '--port-base', '20000']).ended
  expect(first.out).toContain('installing the locked packages (npm ci)')
  expect(first.out).toContain('["dev","--port-base","20000"] yes\n')
  expect(first).toMatchObject({ code: 0, err: '' })
  expect((await start(place, ['dev']).ended).out).toBe('["dev"] yes\n')
  await writeFile(path.join(place.path, 'package-lock.json'), '{"changed":true}')
  await start(place, ['dev']).ended
  const runs = await readFile(path.join(place.path, 'npm-runs'), 'utf8')
  expect(runs).toBe('ci --no-audit --no-fund --loglevel=error\n'.repeat(2))
})

test('an npm that fails is told with its own words, and tried again next time', async () => {
  await using place = await project('console.error("no network"); process.exitCode = 4')
  const ran = await start(place, ['dev']).ended
  expect(ran.code).toBe(1)
  expect(ran.err).toContain('no network\n')
  expect(ran.err).toContain('verdict: npm ci ended with 4: its output above says why')
  await writeFile(place.npm, NPM)
  expect((await start(place, ['dev']).ended).code).toBe(0)
})

test('a Node.js that does not run is passed over where our own is new enough', async () => {
  await using place = await project(NPM)
  await start(place, ['dev']).ended
  const node = path.join(place.path, 'node_modules', 'node', 'bin', 'node')
  await writeFile(node, '#!/bin/sh\necho v18.0.0\n')
  await chmod(node, 0o755)
  expect((await start(place, ['dev']).ended).out).toBe('["dev"] own\n')
})

test('signals reach the program, and its exit code is ours', async () => {
  await using place = await project(NPM)
  await start(place, ['dev']).ended
  const { child, out, ended } = start(place, ['wait'])
  await waitFor(() => out().includes('["wait"]'), { deadlineMs: 10_000, what: 'the program' })
  child.kill('SIGINT')
  await waitFor(() => out().includes('SIGINT'), { deadlineMs: 10_000, what: 'the signal' })
  child.kill('SIGTERM')
  expect((await ended).code).toBe(7)
})
