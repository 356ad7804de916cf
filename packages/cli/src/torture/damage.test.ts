import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { temporaryDirectory } from '@verdict/kit'
import { expect, test } from 'vitest'
import { Damage, newestBlockOf, segmentsOf } from './damage.ts'
import { Random } from './random.ts'

const SOUND = Buffer.alloc(1_000, 'verdict')

test('one bit is flipped or the end is cut off, told, and mended', async () => {
  await using directory = temporaryDirectory()
  const file = `${directory.path}/file`
  const random = new Random('damage')
  const kinds = new Set<string>()
  for (let count = 0; count < 40; count += 1) {
    writeFileSync(file, SOUND)
    const damage = await Damage.make(file, random, 0.5)
    const damaged = readFileSync(file)
    const at = damaged.findIndex((byte, index) => byte !== SOUND[index])
    if (at < 0) expect(damaged).toEqual(SOUND.subarray(0, damaged.length))
    else expect(bitsOf((damaged[at] ?? 0) ^ (SOUND[at] ?? 0))).toBe(1)
    expect(at < 0 ? damaged.length : at).toBeLessThan(500)
    kinds.add(at < 0 ? 'cut' : 'flipped')
    expect(damage.what).toContain(at < 0 ? `cut off at ${damaged.length}` : `byte ${at} flipped`)
    await damage.mend()
    expect(readFileSync(file)).toEqual(SOUND)
  }
  expect(kinds.size).toBe(2)
})

test('files to be damaged are found where they are, but for empty ones', async () => {
  await using directory = temporaryDirectory()
  const { path: dir } = directory
  const blocks = `${dir}/jetstream/RECORD/streams/DECISIONS/msgs`
  mkdirSync(blocks, { recursive: true })
  for (const name of ['2.blk', '10.blk', '9.blk', 'index.db']) {
    writeFileSync(`${blocks}/${name}`, 'x')
  }
  writeFileSync(`${blocks}/11.blk`, '')
  expect(await newestBlockOf(dir, 'DECISIONS')).toBe(`${blocks}/10.blk`)
  expect(await newestBlockOf(dir, 'DECIDED')).toBeUndefined()
  writeFileSync(`${dir}/1.journal`, 'x')
  writeFileSync(`${dir}/2.journal`, '')
  expect(await segmentsOf(dir)).toEqual([`${dir}/1.journal`])
})

function bitsOf(byte: number): number {
  return byte.toString(2).replaceAll('0', '').length
}
