import { writeFile } from 'node:fs/promises'
import { JOURNAL_LINE_BYTES_MAX } from '@verdict/contract'
import { temporaryDirectory } from '@verdict/kit'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { eachLine } from './segment-lines.ts'

const RUNS = 10

async function pieces(
  file: string,
): Promise<{ text: string; offset: number; complete: boolean }[]> {
  const visited: { text: string; offset: number; complete: boolean }[] = []
  await eachLine(file, ({ bytes, offset, complete }) => {
    visited.push({ text: bytes.toString('latin1'), offset, complete })
  })
  return visited
}

test('every line is visited once with its offset, wherever chunks end', async () => {
  await using directory = temporaryDirectory()
  const file = `${directory.path}/segment`
  // Without a lean towards short ones, so that the file has several chunks.
  const length = fc.noBias(fc.nat(JOURNAL_LINE_BYTES_MAX))
  const lengths = fc.array(length, { minLength: 60, maxLength: 120 })
  await fc.assert(
    fc.asyncProperty(lengths, fc.boolean(), async (lineLengths, isEnded) => {
      const lines = lineLengths.map((count, index) => String(index % 10).repeat(count))
      await writeFile(file, lines.join('\n') + (isEnded ? '\n' : ''))
      let offset = 0
      const expected = lines.map((text, index) => {
        const line = { text, offset, complete: isEnded || index < lines.length - 1 }
        offset += text.length + 1
        return line
      })
      // A last line without an end and without a byte is no line.
      const visible = expected.filter(({ text, complete }) => complete || text !== '')
      expect(await pieces(file)).toEqual(visible)
    }),
    { numRuns: RUNS },
  )
})

test('a line that never ends is visited in pieces, and the line behind it whole', async () => {
  await using directory = temporaryDirectory()
  const file = `${directory.path}/segment`
  const endless = '\0'.repeat(3 * 1024 * 1024)
  await writeFile(file, `first\n${endless}\nlast\n`)
  const visited = await pieces(file)
  expect(visited[0]).toEqual({ text: 'first', offset: 0, complete: true })
  expect(visited.at(-1)).toEqual({ text: 'last', offset: endless.length + 7, complete: true })
  const middle = visited.slice(1, -1)
  expect(middle.length).toBeGreaterThan(1)
  expect(middle.map(({ text }) => text).join('')).toBe(endless)
})
