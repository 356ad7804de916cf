import { cp, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { chainHash, genesisHash } from '@verdict/contract'
import { temporaryDirectory } from '@verdict/kit'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { expectWholeChain, linesOf, noteOf } from '../test/lines.ts'
import { noting } from '../test/noting.ts'
import { openJournal } from './open-journal.ts'
import { listSegments } from './segment.ts'

const SEGMENT_BYTES_MAX = 600
const FLIPS = 150
const TEST_MS = 60_000

/** A closed journal of `count` lines, in several segments if they are many. */
async function written(dir: string, count: number): Promise<void> {
  await using journal = await openJournal({ dir, segmentBytesMax: SEGMENT_BYTES_MAX })
  for (let n = 1; n <= count; n += 1) await journal.append(noting(`größe ${n}`))
}

async function segmentPaths(dir: string): Promise<string[]> {
  return (await listSegments(dir)).map((segment) => segment.path)
}

async function lastSegment(dir: string): Promise<string> {
  const paths = await segmentPaths(dir)
  return paths.at(-1) ?? expect.unreachable('a journal has a segment')
}

/** Opens what must be refused, and returns the message. */
async function refusal(dir: string): Promise<string> {
  try {
    await using journal = await openJournal({ dir })
    return expect.unreachable(`it was opened with ${journal.recovery.lines} lines`)
  } catch (error) {
    expect(error).toMatchObject({ name: 'JournalError', code: 'corrupt' })
    return (error as Error).message
  }
}

async function edit(file: string, change: (text: string) => string): Promise<void> {
  await writeFile(file, change(await readFile(file, 'utf8')))
}

test(
  'a tail torn at any byte of the last line is cut off, told, and written anew',
  async () => {
    await using directory = temporaryDirectory()
    const whole = path.join(directory.path, 'whole')
    await written(whole, 3)
    const bytes = await readFile(await lastSegment(whole))
    const lastLine = bytes.lastIndexOf('\n', -2) + 1
    for (let end = lastLine; end < bytes.length; end += 1) {
      const dir = path.join(directory.path, `torn-${end}`)
      await cp(whole, dir, { recursive: true })
      await truncate(await lastSegment(dir), end)
      {
        await using journal = await openJournal({ dir })
        expect(journal.recovery).toEqual({ lines: 2, tornBytes: end - lastLine })
        expect(await journal.append(noting('anew'))).toMatchObject({ n: 3 })
      }
      await using journal = await openJournal({ dir })
      expect(journal.recovery).toEqual({ lines: 3, tornBytes: 0 })
      const lines = await linesOf(dir)
      expectWholeChain(lines, journal)
      expect(lines.map(noteOf)).toEqual(['größe 1', 'größe 2', 'anew'])
    }
  },
  TEST_MS,
)

test.each([
  ['zeros', '\0'.repeat(5_000)],
  ['zeros for longer than a line may be', '\0'.repeat(3_000_000)],
  ['old lines of something else', 'one\ntwo\n\n{"a":1}\n'],
  [
    'a line of another journal',
    `${'x'.repeat(43)} {"epoch":1,"id":"","instance":"b","n":4,"v":1}\n`,
  ],
])('a tail of %s is cut off', async (_, garbage) => {
  await using directory = temporaryDirectory()
  const dir = directory.path
  await written(dir, 3)
  await edit(await lastSegment(dir), (text) => text + garbage)
  await using journal = await openJournal({ dir })
  expect(journal.recovery).toEqual({ lines: 3, tornBytes: garbage.length })
  expect(await linesOf(dir)).toHaveLength(3)
})

test(
  'no flipped bit goes unnoticed: only one in the last line may pass for a torn tail',
  async () => {
    await using directory = temporaryDirectory()
    const whole = path.join(directory.path, 'whole')
    await written(whole, 22)
    const paths = await segmentPaths(whole)
    const contents = await Promise.all(paths.map((file) => readFile(file)))
    const lastLine = (contents.at(-1)?.lastIndexOf('\n', -2) ?? 0) + 1
    const places = contents.flatMap((bytes, segment) =>
      Array.from(bytes.keys(), (offset) => ({ segment, offset })),
    )
    let count = 0
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...places), fc.nat(7), async ({ segment, offset }, bit) => {
        count += 1
        const dir = path.join(directory.path, `flipped-${count}`)
        await cp(whole, dir, { recursive: true })
        const flipped = Buffer.from(contents[segment] ?? '')
        flipped[offset] = (flipped[offset] ?? 0) ^ (1 << bit)
        const file = path.join(dir, path.basename(paths[segment] ?? ''))
        await writeFile(file, flipped)
        if (segment === paths.length - 1 && offset >= lastLine) {
          const outcome = await openJournal({ dir }).catch((error: unknown) => error)
          if (outcome instanceof Error) {
            expect(outcome).toMatchObject({ code: 'corrupt' })
          } else {
            expect(outcome).toMatchObject({
              recovery: { lines: 21, tornBytes: flipped.length - lastLine },
            })
            await (outcome as AsyncDisposable)[Symbol.asyncDispose]()
          }
        } else {
          const line = flippedLine(contents[segment] ?? Buffer.of(), offset)
          expect(await refusal(dir)).toMatch(
            new RegExp(`line (${line}|${line + 1}|${line + 2}) of file \`${path.basename(file)}\``),
          )
        }
        await rm(dir, { recursive: true })
      }),
      { numRuns: FLIPS },
    )
  },
  TEST_MS,
)

/** The number of the line in which an offset is. */
function flippedLine(bytes: Buffer, offset: number): number {
  return bytes.subarray(0, offset).filter((byte) => byte === 0x0a).length + 1
}

test('a damaged line feed does not make a torn tail of the two lines around it', async () => {
  await using directory = temporaryDirectory()
  const dir = directory.path
  await written(dir, 3)
  await edit(await lastSegment(dir), (text) => {
    const end = text.lastIndexOf('\n', text.length - 2)
    return `${text.slice(0, end)}*${text.slice(end + 1)}`
  })
  expect(await refusal(dir)).toContain('line 2 of file')
})

test('lines that are swapped, repeated, left out or rewritten are refused', async () => {
  await using directory = temporaryDirectory()
  const whole = path.join(directory.path, 'whole')
  await written(whole, 4)
  const changes: Record<string, (lines: string[]) => string[]> = {
    swapped: ([a = '', b = '', c = '', d = '']) => [a, c, b, d],
    repeated: ([a = '', b = '', c = '', d = '']) => [a, b, b, c, d],
    missing: ([a = '', _, c = '', d = '']) => [a, c, d],
    rewritten: ([a = '', b = '', c = '', d = '']) => [a, b.replace('größe 2', 'größe 9'), c, d],
    'rewritten last': ([a = '', b = '', c = '', d = '']) => [
      a,
      b,
      c,
      d.replace('größe 4', 'größe 9'),
    ],
  }
  for (const [name, change] of Object.entries(changes)) {
    const dir = path.join(directory.path, name)
    await cp(whole, dir, { recursive: true })
    await edit(await lastSegment(dir), (text) => change(text.split('\n')).concat('').join('\n'))
    expect(await refusal(dir)).toMatch(/line [2-4] of file `0{15}1-.*set the directory aside/)
  }
})

test('a number that does not follow is refused although its hash is right', async () => {
  await using directory = temporaryDirectory()
  const dir = directory.path
  const { instance, epoch } = await openJournal({ dir }).then(async (journal) => {
    await journal.close()
    return journal
  })
  const json = noting('skips')({ instance, epoch, n: 2 })
  const line = `${chainHash(genesisHash(instance, epoch), json)} ${json}\n`
  await writeFile(await lastSegment(dir), line)
  expect(await refusal(dir)).toContain('line 1 of file')
})

test('a journal without one of its segments is refused', async () => {
  await using directory = temporaryDirectory()
  const dir = directory.path
  await written(dir, 22)
  const [first = '', second = '', third = ''] = await segmentPaths(dir)
  expect(third).not.toBe('')
  await rename(second, `${second}.gone`)
  expect(await refusal(dir)).toMatch(/file `\S+` does not continue line \d/)
  await rename(`${second}.gone`, second)
  const [line] = await linesOf(dir)
  await writeFile(path.join(dir, 'shipped'), `${'1'.padStart(16, '0')} ${line?.hash}\n`)
  await rm(first)
  expect(await refusal(dir)).toMatch(/lines 2 to \d are missing and not shipped/)
})

test('a torn line is forgiven in the last segment only', async () => {
  await using directory = temporaryDirectory()
  const dir = directory.path
  await written(dir, 22)
  const [first = ''] = await segmentPaths(dir)
  const lines = (await readFile(first, 'utf8')).split('\n').length - 1
  await edit(first, (text) => text.slice(0, -3))
  expect(await refusal(dir)).toContain(`line ${lines} of file \`${path.basename(first)}\``)
})

test('a renamed segment is refused', async () => {
  await using directory = temporaryDirectory()
  const dir = directory.path
  await written(dir, 3)
  const file = await lastSegment(dir)
  await rename(file, file.replace(/.{43}\.journal$/, `${'x'.repeat(43)}.journal`))
  expect(await refusal(dir)).toContain('does not continue line 0')
})

test('a journal that lost all segments, or its identity, does not begin again', async () => {
  await using directory = temporaryDirectory()
  const dir = directory.path
  await written(dir, 3)
  const [file = ''] = await segmentPaths(dir)
  const identity = path.join(dir, 'journal.json')
  await rename(identity, `${identity}.gone`)
  expect(await refusal(dir)).toContain('`journal.json` is missing')
  await writeFile(identity, '{"instance":"a"')
  expect(await refusal(dir)).toContain('`journal.json` is not JSON')
  await writeFile(identity, 'null')
  expect(await refusal(dir)).toContain('`journal.json`')
  await rename(`${identity}.gone`, identity)
  await rm(file)
  expect(await refusal(dir)).toContain('all its segments are missing')
})

test('a start that was cut short before the identity was written begins again', async () => {
  await using directory = temporaryDirectory()
  const dir = directory.path
  await written(dir, 0)
  await rm(path.join(dir, 'journal.json'))
  await using journal = await openJournal({ dir })
  expect(await journal.append(noting('first'))).toMatchObject({ n: 1 })
  expectWholeChain(await linesOf(dir), journal)
})

test('a journal that is behind what was shipped of it, or differs from it, is refused', async () => {
  await using directory = temporaryDirectory()
  const dir = directory.path
  await written(dir, 3)
  const lines = await linesOf(dir)
  const mark = path.join(dir, 'shipped')
  const hash = lines[1]?.hash ?? ''
  await writeFile(mark, `${'2'.padStart(16, '0')} ${'x'.repeat(43)}\n`)
  expect(await refusal(dir)).toContain('line 2 is not the one that was shipped')
  await writeFile(mark, `${'4'.padStart(16, '0')} ${hash}\n`)
  expect(await refusal(dir)).toContain('it ends at line 3 but was shipped up to 4')
  await writeFile(mark, `${'2'.padStart(16, '0')} ${hash}\n`)
  await using journal = await openJournal({ dir })
  expect(journal.shipped).toBe(2)
})

test('a mark that is no mark counts as none, so that everything is shipped again', async () => {
  await using directory = temporaryDirectory()
  const dir = directory.path
  await written(dir, 3)
  await writeFile(path.join(dir, 'shipped'), '0000000000000002 half a ma')
  await using journal = await openJournal({ dir })
  expect(journal.shipped).toBe(0)
  await using reader = journal.reader()
  expect((await reader.next(10_000))?.lines).toBe(3)
})
