import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { findTool, locate } from './locate.ts'
import { isSupported } from './tools.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'verdict-locate-'))
})
afterEach(async () => {
  await rm(folder, { recursive: true, force: true })
})

/** A program that says of itself that it is a version of nats-server. */
async function natsServer(where: string, version: string): Promise<string> {
  const file = path.join(folder, where, 'nats-server')
  await mkdir(path.dirname(file), { recursive: true })
  await writeFile(file, `#!/bin/sh\necho "nats-server: v${version}"\n`)
  await chmod(file, 0o755)
  return file
}

function places(settings: Record<string, string> = {}): Parameters<typeof locate>[1] {
  const search = ['old', 'new'].map((where) => path.join(folder, where)).join(path.delimiter)
  return { cacheDir: path.join(folder, 'cache'), env: { PATH: search, ...settings } }
}

test('a supported version has the same major and is not older than the minimum', () => {
  expect(isSupported('2.15.2', '2.15.2')).toBe(true)
  expect(isSupported('2.16.0', '2.15.2')).toBe(true)
  expect(isSupported('2.15.1', '2.15.2')).toBe(false)
  expect(isSupported('2.9.10', '2.15.2')).toBe(false)
  expect(isSupported('3.0.0', '2.15.2')).toBe(false)
})

test('PATH is searched past versions that are not supported', async () => {
  await natsServer('old', '2.10.1')
  const file = await natsServer('new', '2.15.9')
  expect(await findTool('nats-server', places())).toEqual({
    path: file,
    version: '2.15.9',
    from: 'path',
  })
})

test('the cache goes before PATH, and a setting before both', async () => {
  await natsServer('new', '2.15.9')
  const cached = await natsServer('cache/bin', '2.15.2')
  expect(await locate('nats-server', places())).toBe(cached)
  const set = await natsServer('elsewhere', '2.15.3')
  expect(await locate('nats-server', places({ VERDICT_NATS_SERVER_BIN: set }))).toBe(set)
})

test('a tool that is nowhere at a supported version is undefined', async () => {
  await natsServer('old', '2.10.1')
  await natsServer('new', '3.0.0')
  await natsServer('cache/bin', '2.15.1')
  expect(await locate('nats-server', places())).toBeUndefined()
})

test('a setting that names a wrong version is an error that names the setting', async () => {
  await natsServer('new', '2.15.9')
  const set = await natsServer('elsewhere', '2.10.1')
  await expect(locate('nats-server', places({ VERDICT_NATS_SERVER_BIN: set }))).rejects.toThrow(
    /`VERDICT_NATS_SERVER_BIN` names `.*`, which is nats-server 2\.10\.1: name a file .* 2\.15\.2/,
  )
})

test('a setting that names another program is an error that names the setting', async () => {
  const set = path.join(folder, 'nothing')
  await expect(locate('opa', places({ VERDICT_OPA_BIN: set }))).rejects.toThrow(
    /`VERDICT_OPA_BIN` names `.*nothing`, which does not run as opa/,
  )
})
