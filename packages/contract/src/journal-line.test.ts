import { expect, test } from 'vitest'
import {
  CHAIN_HASH_CHARS,
  chainHash,
  genesisHash,
  parseJournalBatch,
  parseJournalLine,
} from './journal-line.ts'

const json = '{"epoch":1,"id":"x","instance":"i","n":1,"v":1}'
const line = `${chainHash(genesisHash('i', 1), json)} ${json}`

test('a batch gives back exactly the lines that were hashed', () => {
  const { lines } = parseJournalBatch(Buffer.from(`${line}\n${line}\n`))
  const [first, second] = lines
  expect(first?.json).toBe(json)
  expect(second?.hash).toBe(chainHash(genesisHash('i', 1), json))
  expect(first?.record.n).toBe(1)
})

test('the chain depends on the instance, the epoch, the line before and every byte', () => {
  const hashes = [
    genesisHash('i', 1),
    genesisHash('i', 2),
    genesisHash('j', 1),
    chainHash(genesisHash('i', 1), json),
    chainHash(genesisHash('i', 2), json),
    chainHash(genesisHash('i', 1), `${json} `),
  ]
  expect(new Set(hashes).size).toBe(hashes.length)
  expect(hashes.every((hash) => hash.length === CHAIN_HASH_CHARS)).toBe(true)
})

test.each([
  ['no line feed at the end', line],
  ['an empty line', `${line}\n\n`],
  ['no hash', `${json}\n`],
  ['no JSON', `${line.slice(0, 60)}\n`],
  ['no place', `${line.slice(0, 44)}{"id":"x"}\n`],
  ['null', `${line.slice(0, 44)}null\n`],
])('a batch with %s is malformed', (_, text) => {
  expect(() => parseJournalBatch(Buffer.from(text))).toThrowError(
    expect.objectContaining({ code: 'malformed_batch' }),
  )
})

test('a line is parsed without its line feed', () => {
  expect(parseJournalLine(line).record.instance).toBe('i')
})
