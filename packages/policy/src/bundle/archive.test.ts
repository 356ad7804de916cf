import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { gunzipSync, gzipSync } from 'node:zlib'
import { opaBinary, temporaryDirectory, writeFiles } from '@verdict/kit'
import { expect, test } from 'vitest'
import { archiveOf } from '../../test/bundles-under-test.ts'
import { unpackBundle } from './archive.ts'
import { BLOCK_BYTES, checksumOf, FIELDS } from './tar-reader.ts'

const run = promisify(execFile)
const LONG = `${'folder/'.repeat(30)}ä.rego`
const FILES = {
  'a.rego': 'package a\n',
  [LONG]: 'package b\n',
  'empty.json': '',
  ['x'.repeat(99)]: 'x',
}

function texts(files: ReadonlyMap<string, Uint8Array>): Record<string, string> {
  return Object.fromEntries(
    [...files].map(([name, bytes]) => [name, Buffer.from(bytes).toString()]),
  )
}

test('what is packed is what comes out, and the same files are the same archive', async () => {
  const archive = await archiveOf(FILES)
  expect(texts(await unpackBundle(archive))).toEqual(FILES)
  expect(await archiveOf(FILES)).toEqual(archive)
})

test.each(['ustar', 'gnu', 'pax'])('an archive of `tar --format=%s` is read', async (format) => {
  await using scratch = temporaryDirectory()
  const { 'empty.json': _empty, ...files } = FILES
  writeFiles(path.join(scratch.path, 'files'), files)
  await run('tar', [`--format=${format}`, '-C', 'files', '-czf', 'made.tar.gz', '.'], {
    cwd: scratch.path,
  })
  const archive = await readFile(path.join(scratch.path, 'made.tar.gz'))
  expect(texts(await unpackBundle(archive))).toEqual(files)
})

test("other tools read what is packed: `tar`, and OPA's", async () => {
  await using scratch = temporaryDirectory()
  const { [LONG]: long, 'a.rego': short } = FILES
  const files = { 'a.rego': String(short), [LONG]: String(long) }
  await writeFile(path.join(scratch.path, 'packed.tar.gz'), await archiveOf(files))
  const { stdout } = await run('tar', ['-tzf', 'packed.tar.gz'], { cwd: scratch.path })
  expect(stdout.split('\n').filter(Boolean)).toHaveLength(2)
  const opa = await run(await opaBinary(), ['inspect', '-f', 'json', 'packed.tar.gz'], {
    cwd: scratch.path,
  })
  expect(Object.keys(JSON.parse(opa.stdout).namespaces).sort()).toEqual(['data.a', 'data.b'])
})

/** The archive with a header of its first file changed, and its checksum made right again. */
async function withHeader(change: (header: Buffer) => void): Promise<Uint8Array> {
  const tar = gunzipSync(await archiveOf({ 'a.rego': 'package a\n', 'b.rego': 'package b\n' }))
  const header = tar.subarray(0, BLOCK_BYTES)
  change(header)
  header.write(`${checksumOf(header).toString(8).padStart(6, '0')}\0 `, FIELDS.checksum[0])
  return gzipSync(tar)
}

function renamed(name: string) {
  return (header: Buffer) => {
    header.fill(0, ...FIELDS.name)
    header.write(name, FIELDS.name[0])
  }
}

test.each<[what: string, change: (header: Buffer) => void]>([
  ['a path that leaves the bundle', renamed('../a.rego')],
  ['a path that leaves the bundle further down', renamed('/b/../../a.rego')],
  ['a path from the root of the machine', renamed('//etc/a.rego')],
  ['a path of another system', renamed('b\\a.rego')],
  ['a path with a control character', renamed('a\n.rego')],
  ['a file without a name', renamed('/')],
  ['a file that is there twice', renamed('/b.rego')],
  ['a file that is there twice, by another spelling', renamed('./b.rego')],
  ['a hard link', (header) => header.write('1', FIELDS.type[0])],
  ['a symbolic link', (header) => header.write('2', FIELDS.type[0])],
  ['a device', (header) => header.write('3', FIELDS.type[0])],
  ['a sparse file', (header) => header.write('S', FIELDS.type[0])],
  ['a size beyond its end', (header) => header.write('77777777777', FIELDS.size[0])],
  ['a size that is no number', (header) => header.write('size?', FIELDS.size[0])],
  ['a size that ends within a file', (header) => header.write('00000000001', FIELDS.size[0])],
  ['a format that is none of `tar`', (header) => header.write('other', FIELDS.magic[0])],
])('an archive with %s is refused', async (_what, change) => {
  await expect(withHeader(change).then(unpackBundle)).rejects.toMatchObject({
    name: 'PolicyError',
    code: 'bundle_malformed',
  })
})

test('an archive whose checksum does not hold is refused', async () => {
  const tar = gunzipSync(await archiveOf(FILES))
  tar.write('777777', FIELDS.checksum[0])
  await expect(unpackBundle(gzipSync(tar))).rejects.toMatchObject({ code: 'bundle_malformed' })
})

test.each<[what: string, change: (tar: Buffer) => Buffer]>([
  ['is cut off', (tar) => tar.subarray(0, tar.length - 2 * BLOCK_BYTES)],
  ['is cut off within a file', (tar) => tar.subarray(0, BLOCK_BYTES + 3)],
  ['goes on behind its end', (tar) => Buffer.concat([tar, Buffer.from('more')])],
  ['is empty', () => Buffer.alloc(0)],
])('an archive that %s is refused', async (_what, change) => {
  const tar = gunzipSync(await archiveOf(FILES))
  await expect(unpackBundle(gzipSync(change(tar)))).rejects.toMatchObject({
    code: 'bundle_malformed',
  })
})

test('an archive that is not compressed, or with something behind it, is refused', async () => {
  const archive = await archiveOf(FILES)
  for (const bytes of [gunzipSync(archive), Buffer.concat([archive, Buffer.from('x')])]) {
    await expect(unpackBundle(bytes)).rejects.toMatchObject({ code: 'bundle_malformed' })
  }
})

test('what unpacks to more than it may is refused before it takes the memory', async () => {
  const piece = gzipSync(Buffer.alloc(64 * 1024 ** 2))
  const bomb = Buffer.concat(Array.from({ length: 9 }, () => piece))
  await expect(unpackBundle(bomb)).rejects.toMatchObject({ code: 'bundle_malformed' })
})
