import path from 'node:path'
import { TestJournal, temporaryDirectory } from '@verdict/kit'
import {
  createSigner,
  formatCheckpoint,
  formatTlogProof,
  formatVerifierKey,
  GrowingTree,
  KeyAlgorithm,
  leafHash,
  signNote,
} from '@verdict/tlog'
import { expect, test } from 'vitest'
import { verdict } from '../../test/captured.ts'
import { WrittenLog } from '../../test/written-log.ts'

const ORIGIN = 'log.example/audit'
const signer = (origin: string, seed = 1) =>
  createSigner(origin, KeyAlgorithm.ed25519, new Uint8Array(32).fill(seed))
const vkey = formatVerifierKey(signer(ORIGIN).verifier)

/** A log of two decisions, and the receipt of the second. */
function receiptOf({ origin = ORIGIN, seed = 1, extra = true } = {}) {
  const journal = new TestJournal('authz-1')
  const leaves = journal.appendAll(2).map(({ hash, json }) => Buffer.from(`${hash} ${json}`))
  const [first = Buffer.of(), leaf = Buffer.of()] = leaves
  const tree = new GrowingTree()
  for (const each of leaves) tree.append(each)
  const root = tree.root()
  const text = formatCheckpoint({ origin, size: 2, root })
  const checkpoint = signNote({ text }, [signer(origin, seed)])
  const proof = { index: 1, hashes: [leafHash(first)], checkpoint, ...(extra && { extra: leaf }) }
  return { receipt: formatTlogProof(proof), leaf, journal }
}

async function verified(
  receipt: string,
  files: { leaf?: Uint8Array } = {},
  args: readonly string[] = ['--key', vkey],
) {
  await using dir = temporaryDirectory()
  const log = new WrittenLog(dir.path, ORIGIN)
  log.put('receipt.txt', Buffer.from(receipt))
  log.put('log.pub', Buffer.from(`# the log\n${vkey}\n`))
  if (files.leaf) log.put('leaf', files.leaf)
  const leaf = files.leaf ? ['--leaf', path.join(dir.path, 'leaf')] : []
  const given = args.map((arg) => arg.replace('DIR', dir.path))
  return await verdict(['audit', 'verify', path.join(dir.path, 'receipt.txt'), ...given, ...leaf])
}

test('a receipt says who did what and when, and where that is logged', async () => {
  const { receipt, journal } = receiptOf()
  const { code, out } = await verified(receipt, {}, ['--key', 'DIR/log.pub'])
  expect(code).toBe(0)
  for (const row of [
    `decision    ${journal.lines[1]?.record.id}`,
    'who         alice (verified, https://issuer.test)',
    'what        GET /orders of shop/orders',
    'when        2026-03-01T00:00:00.002Z',
    'outcome     allow (allowed), status 200',
    'decided by  authz-1, place 2 of its journal 1',
    `log         ${ORIGIN}, leaf 1 of 2`,
    'witnesses   none: this rests on the key of the log alone',
  ]) {
    expect(out).toContain(row)
  }
  const json = JSON.parse((await verified(receipt, {}, ['--key', vkey, '--json'])).out)
  expect(json).toMatchObject({
    verified: true,
    record: { principal: 'alice' },
    log: { origin: ORIGIN, leaf: 1, size: 2 },
  })
})

test('a receipt without its record needs the record', async () => {
  const { receipt, leaf } = receiptOf({ extra: false })
  expect((await verified(receipt)).err).toContain('give it by `--leaf`')
  expect((await verified(receipt, { leaf })).code).toBe(0)
  expect((await verified(receipt, { leaf: Buffer.concat([leaf, Buffer.from('\n')]) })).code).toBe(0)
  const other = Buffer.from(String(leaf).replace('alice', 'mallory'))
  expect((await verified(receipt, { leaf: other })).err).toContain('leads to another root')
})

test('the receipt of a shard is verified by the key of its log, and no other log is', async () => {
  const shard = receiptOf({ origin: `${ORIGIN}/2026-11` })
  expect((await verified(shard.receipt)).out).toContain(`${ORIGIN}/2026-11, leaf 1 of 2`)
  for (const origin of [`${ORIGIN}/2026-11/x`, `${ORIGIN}2026-11`, 'other.example/audit']) {
    const { code, err } = await verified(receiptOf({ origin }).receipt)
    expect([code, err]).toEqual([1, expect.stringContaining('no key that is known')])
  }
})

test.each([
  ['no receipt', () => 'nothing', 'no empty line'],
  ['another index', (text: string) => text.replace('index 1', 'index 0'), 'another root'],
  ['an index beyond', (text: string) => text.replace('index 1', 'index 2'), 'no entry 2'],
  ['another size', (text: string) => text.replace(/\n2\n/, '\n3\n'), 'signature'],
  ['a hash more', (text: string) => twice(text), 'too long'],
  ['no hash', (text: string) => text.replace(/(index 1\n)[^\n]+\n/, '$1'), 'too short'],
  ['another record', (text: string) => otherRecord(text), 'another root'],
  ['no signature', (text: string) => text.replace(/— .*\n/, ''), 'signature'],
])('a receipt with %s is refused, and says why', async (_what, tamper, why) => {
  const { receipt } = receiptOf()
  const { code, err, out } = await verified(tamper(receipt))
  expect([code, err, out]).toEqual([1, expect.stringContaining(why), ''])
})

test('a receipt by another key is refused, and what cannot be read is a fault', async () => {
  const { receipt } = receiptOf({ seed: 2 })
  expect(await verified(receipt)).toMatchObject({ code: 1 })
  const json = JSON.parse((await verified(receipt, {}, ['--key', vkey, '--json'])).out)
  expect(json).toMatchObject({ verified: false, error: { code: 'note_unverified' } })
  expect(await verified(receipt, {}, ['--key', 'no+key'])).toMatchObject({ code: 3 })
  expect(await verified(receipt, {}, ['--key', vkey.replace(/[0-9a-f]\+/, 'g+')])).toMatchObject({
    code: 3,
  })
  expect(await verified(receipt, {}, [])).toMatchObject({ code: 2 })
  expect(await verified(receipt, {}, ['--key', vkey, '--log', 'x'])).toMatchObject({ code: 2 })
  expect(await verdict(['audit', 'verify', '/nowhere', '--key', vkey])).toMatchObject({ code: 3 })
})

function twice(receipt: string): string {
  return receipt.replace(/(index 1\n)([^\n]+\n)/, '$1$2$2')
}

function otherRecord(receipt: string): string {
  return receipt.replace(/extra (.*)\n/, (_line, extra: string) => {
    const changed = String(Buffer.from(extra, 'base64')).replace('alice', 'mallory')
    return `extra ${Buffer.from(changed).toString('base64')}\n`
  })
}
