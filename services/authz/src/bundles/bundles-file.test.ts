import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { bundleKey, temporaryDirectory } from '@verdict/kit'
import { ConfigError } from '@verdict/service'
import { expect, onTestFinished, test } from 'vitest'
import { BUNDLES_MAX, readBundlesFile } from './bundles-file.ts'

const { algorithm, publicKey } = bundleKey('ops').described
const KEYS = { ops: { algorithm, publicKey } }

function write(content: unknown): string {
  const folder = temporaryDirectory()
  onTestFinished(async () => await folder[Symbol.asyncDispose]())
  writeFileSync(join(folder.path, 'ops.pem'), publicKey)
  const file = join(folder.path, 'bundles.json')
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content))
  return file
}

function read(content: unknown) {
  return readBundlesFile(write(content), 'VERDICT_AUTHZ_BUNDLES')
}

/** All that is wrong, with its place. */
function problems(content: unknown): string[] {
  try {
    read(content)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.problems.map(({ message }) =>
      message.replace(/^VERDICT_AUTHZ_BUNDLES in `[^`]*`: /, ''),
    )
  }
  return []
}

test('a bundle comes over NATS, or from a server with the delays of OPA', () => {
  const { bundles, keys } = read({
    keys: { ops: { algorithm, file: 'ops.pem' } },
    bundles: { shop: {}, platform: { url: 'https://bundles.example/platform.tar.gz' } },
  })
  expect(keys.get('ops')?.algorithm).toBe('EdDSA')
  expect([...bundles.keys()]).toEqual(['shop', 'platform'])
  expect(bundles.get('shop')).toEqual({ kind: 'nats', sizeMax: 268_435_456 })
  expect(bundles.get('platform')).toMatchObject({
    kind: 'http',
    minDelayMs: 60_000,
    maxDelayMs: 120_000,
  })
})

test('a delay that is given alone moves the other, and files are relative to this one', () => {
  const url = 'http://127.0.0.1:9/b'
  const file = write({
    keys: KEYS,
    bundles: { a: { url, minDelayMs: 300_000 }, b: { url, maxDelayMs: 500, tokenFile: 'token' } },
  })
  const { bundles } = readBundlesFile(file, 'VERDICT_AUTHZ_BUNDLES')
  expect(bundles.get('a')).toMatchObject({ minDelayMs: 300_000, maxDelayMs: 300_000 })
  expect(bundles.get('b')).toMatchObject({
    minDelayMs: 500,
    maxDelayMs: 500,
    tokenFile: join(file, '../token'),
  })
})

test('keys may be in a file of their own, such as `verdict policy keygen --trust` writes', () => {
  const file = write({ keys: 'keys.json', bundles: { shop: {} } })
  const keys = join(file, '../keys.json')
  const read = () => readBundlesFile(file, 'VERDICT_AUTHZ_BUNDLES').keys.ids
  expect(read).toThrow(ConfigError)
  writeFileSync(keys, JSON.stringify({ ops: { algorithm, file: 'ops.pem' } }))
  expect(read()).toEqual(['ops'])
  writeFileSync(keys, '"keys.json"')
  expect(read).toThrow(ConfigError)
})

test('all that is wrong is told at once', () => {
  const found = problems({
    keys: { ops: { algorithm: 'RS256', publicKey }, gone: { algorithm, file: 'gone.pem' } },
    bundles: {
      'a.b': {},
      shop: { longPollS: 5, size: 1 },
      platform: {
        url: 'http://bundles.example',
        tokenFile: '',
        minDelayMs: 2_000,
        maxDelayMs: 1_000,
        sizeMax: 1.5,
      },
      other: [],
    },
    more: 1,
  })
  for (const place of [
    'more',
    'keys.ops',
    'keys.gone',
    'bundles.a.b',
    'bundles.shop.longPollS',
    'bundles.shop.size',
    'bundles.platform.url',
    'bundles.platform.tokenFile',
    'bundles.platform.maxDelayMs',
    'bundles.platform.sizeMax',
    'bundles.other',
  ]) {
    expect(found.filter((problem) => problem.startsWith(`\`${place}\` `))).toHaveLength(1)
  }
  expect(found).toHaveLength(11)
})

test.each([
  ['no JSON', '{'],
  ['no object', '[]'],
  ['no keys', { bundles: { shop: {} } }],
  ['empty keys', { keys: {}, bundles: { shop: {} } }],
  ['no bundles', { keys: KEYS }],
  ['empty bundles', { keys: KEYS, bundles: {} }],
  [
    'too many bundles',
    {
      keys: KEYS,
      bundles: Object.fromEntries(Array.from({ length: BUNDLES_MAX + 1 }, (_, i) => [`b${i}`, {}])),
    },
  ],
  ['a URL with a user', { keys: KEYS, bundles: { a: { url: 'https://u:p@bundles.example' } } }],
  ['another scheme', { keys: KEYS, bundles: { a: { url: 'file:///etc/passwd' } } }],
])('%s is refused', (_name, content) => {
  expect(problems(content)).toHaveLength(1)
})

test('a file that is not there is refused with its name', () => {
  expect(() => readBundlesFile('/nowhere/bundles.json', 'VERDICT_AUTHZ_BUNDLES')).toThrow(
    expect.objectContaining({
      problems: [
        { env: 'VERDICT_AUTHZ_BUNDLES', message: expect.stringMatching(/nowhere.*ENOENT/) },
      ],
    }),
  )
})
