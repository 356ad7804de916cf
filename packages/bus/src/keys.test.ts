import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { ROLES } from '@verdict/contract'
import { temporaryDirectory } from '@verdict/kit'
import { expect, test } from 'vitest'
import { createKeys, publicKeys, seedFile } from './keys.ts'

test('there is one key for each role, and only the owner may read it', async () => {
  await using dir = temporaryDirectory()
  await createKeys(dir.path)
  expect((await readdir(dir.path)).sort()).toEqual(ROLES.map((role) => `${role}.nk`).sort())
  for (const role of ROLES) {
    expect((await stat(seedFile(dir.path, role))).mode & 0o777, role).toBe(0o600)
  }
  const keys = Object.values(await publicKeys(dir.path))
  expect(new Set(keys).size).toBe(ROLES.length)
  expect(keys.every((key) => key.startsWith('U'))).toBe(true)
})

test('keys that exist are kept, and made unreadable for others again', async () => {
  await using dir = temporaryDirectory()
  await createKeys(dir.path)
  const before = await readFile(seedFile(dir.path, 'audit'), 'utf8')
  await chmod(seedFile(dir.path, 'audit'), 0o644)
  await createKeys(dir.path)
  expect(await readFile(seedFile(dir.path, 'audit'), 'utf8')).toBe(before)
  expect((await stat(seedFile(dir.path, 'audit'))).mode & 0o777).toBe(0o600)
})

test('a file that is no seed is an error that names it', async () => {
  await using dir = temporaryDirectory()
  await createKeys(dir.path)
  await writeFile(seedFile(dir.path, 'audit'), 'not a seed')
  await expect(publicKeys(dir.path)).rejects.toMatchObject({
    code: 'bad_key',
    message: expect.stringContaining(seedFile(dir.path, 'audit')),
  })
})
