import { readFileSync, writeFileSync } from 'node:fs'
import process from 'node:process'
import { temporaryDirectory } from '@verdict/kit'
import { expect, test } from 'vitest'
import { missingNeeds } from './needs.ts'
import { SmallDisk } from './small-disk.ts'

const MUCH = Buffer.alloc(1024 * 1024, 1)
const lacks = missingNeeds(['mount'], process.env).length > 0
const title = `a disk gets full, has room again, and leaves what was on it${
  lacks ? ' (left out: this user may not mount)' : ''
}`

test.skipIf(lacks)(title, async () => {
  await using directory = temporaryDirectory()
  const dir = `${directory.path}/disk`
  {
    await using disk = await SmallDisk.mount(dir)
    writeFileSync(`${dir}/before`, MUCH)
    await disk.fill(0.5)
    expect(() => writeFileSync(`${dir}/full`, MUCH)).toThrow('ENOSPC')
    await disk.makeRoom()
    writeFileSync(`${dir}/after`, MUCH)
  }
  for (const name of ['before', 'after']) expect(readFileSync(`${dir}/${name}`)).toEqual(MUCH)
  expect(readFileSync('/proc/self/mounts', 'utf8')).not.toContain(dir)
})
