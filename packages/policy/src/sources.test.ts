import { symlinkSync, truncateSync } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { temporaryDirectory, writeFiles } from '@verdict/kit'
import { expect, test } from 'vitest'
import { readSources, revisionOf, SOURCES_BYTES_MAX, stampSources } from './sources.ts'

async function paths(folder: string): Promise<string[]> {
  return (await readSources(folder)).files.map((file) => file.path)
}

test('Rego and data are read at any depth, in one order on every disk', async () => {
  await using folder = temporaryDirectory()
  const files = ['b.rego', 'a.json', 'z/a.yaml', 'c/d/e.yml', 'c.rego', 'README.md', 'x.rego~']
  writeFiles(folder.path, Object.fromEntries(files.map((file) => [file, '{}'])))
  expect(await paths(folder.path)).toEqual(['a.json', 'b.rego', 'c.rego', 'c/d/e.yml', 'z/a.yaml'])
})

test('hidden files and folders are no policies', async () => {
  await using folder = temporaryDirectory()
  writeFiles(folder.path, { 'a.rego': '', '.b.rego': '', '.git/c.rego': '', '.manifest': '{}' })
  expect(await paths(folder.path)).toEqual(['a.rego'])
})

test('a mounted ConfigMap is read through its links, once', async () => {
  await using folder = temporaryDirectory()
  writeFiles(folder.path, { '..2025_11/a.rego': 'package a' })
  symlinkSync('..2025_11', join(folder.path, '..data'))
  symlinkSync('..data/a.rego', join(folder.path, 'a.rego'))
  const { files } = await readSources(folder.path)
  expect(files.map((file) => [file.path, Buffer.from(file.bytes).toString()])).toEqual([
    ['a.rego', 'package a'],
  ])
})

test('links that form a circle are refused', async () => {
  await using folder = temporaryDirectory()
  symlinkSync('.', join(folder.path, 'again'))
  await expect(readSources(folder.path)).rejects.toMatchObject({ code: 'sources_refused' })
})

test('a folder that is not there is unreadable', async () => {
  await expect(readSources('/nowhere/at/all')).rejects.toMatchObject({
    code: 'sources_unreadable',
    message: expect.stringContaining('`/nowhere/at/all`'),
  })
})

test('a link that leads nowhere is a fault, not a policy less', async () => {
  await using folder = temporaryDirectory()
  symlinkSync('gone.rego', join(folder.path, 'a.rego'))
  await expect(readSources(folder.path)).rejects.toMatchObject({ code: 'sources_unreadable' })
})

test('a packed bundle in the folder is refused, since its policies would be missing', async () => {
  await using folder = temporaryDirectory()
  writeFiles(folder.path, { 'a.rego': '', 'sub/bundle.tar.gz': '' })
  await expect(readSources(folder.path)).rejects.toMatchObject({
    code: 'sources_refused',
    message: expect.stringContaining('`sub/bundle.tar.gz`'),
  })
})

test('a folder with more bytes than the bound is refused before it is read', async () => {
  await using folder = temporaryDirectory()
  writeFiles(folder.path, { 'data.json': '{}' })
  truncateSync(join(folder.path, 'data.json'), SOURCES_BYTES_MAX + 1)
  await expect(readSources(folder.path)).rejects.toMatchObject({ code: 'sources_refused' })
})

test('a revision names the paths, the contents and the entrypoints', () => {
  const file = (path: string, text: string) => ({ path, bytes: Buffer.from(text) })
  const revisions = [
    revisionOf([file('a', '12'), file('b', '3')], ['p/x']),
    revisionOf([file('a', '1'), file('b', '23')], ['p/x']),
    revisionOf([file('a', '12'), file('c', '3')], ['p/x']),
    revisionOf([file('a', '12')], ['p/x']),
    revisionOf([file('a', '12'), file('b', '3')], ['p/y']),
    revisionOf([file('a', '12'), file('b', '3')], ['p/x', 'p/y']),
    revisionOf([file('a', '12'), file('b', '3')], ['p/x'], false),
  ]
  expect(new Set(revisions).size).toBe(revisions.length)
  expect(revisions[0]).toMatch(/^[0-9a-f]{64}$/)
  expect(revisionOf([file('a', '12'), file('b', '3')], ['p/x'])).toBe(revisions[0])
})

test('a stamp changes with every change, and only then', async () => {
  await using folder = temporaryDirectory()
  writeFiles(folder.path, { 'a.rego': 'package a', 'b/c.json': '{}' })
  const stamps = [await stampSources(folder.path)]
  expect(await stampSources(folder.path)).toBe(stamps[0])
  expect((await readSources(folder.path)).stamp).toBe(stamps[0])
  await writeFile(join(folder.path, 'a.rego'), 'package b')
  stamps.push(await stampSources(folder.path))
  await rm(join(folder.path, 'b/c.json'))
  stamps.push(await stampSources(folder.path))
  await mkdir(join(folder.path, 'd'))
  await writeFile(join(folder.path, 'd/e.rego'), '')
  stamps.push(await stampSources(folder.path))
  expect(new Set(stamps).size).toBe(stamps.length)
})
