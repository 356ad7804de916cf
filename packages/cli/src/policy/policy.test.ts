import { readFile, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { opaBinary, temporaryDirectory, writeFiles } from '@verdict/kit'
import { beforeAll, expect, test } from 'vitest'
import { type Ran, verdict } from '../../test/captured.ts'

const USERS = Array.from({ length: 20 }, (_, at) => `allow if {\n\tinput.user == "user-${at}"\n}\n`)
const SHOP = {
  'shop.rego': `package shop

allow if input.user == "alice"

${USERS.join('\n')}`,
  'shop_test.rego':
    'package shop_test\n\ntest_a if data.shop.allow with input as {"user": "alice"}\n',
}

let env: Readonly<Record<string, string>>
let steps: ReturnType<typeof temporaryDirectory>

beforeAll(async () => {
  env = { VERDICT_OPA_BIN: await opaBinary() }
  const folder = temporaryDirectory()
  steps = folder
  writeFiles(at('shop'), SHOP)
  return () => folder[Symbol.asyncDispose]()
})

function at(name: string): string {
  return path.join(steps.path, name)
}

/** `verdict policy …`, with `@name` for a file in the folder of this test. */
async function policy(...args: string[]): Promise<Ran> {
  const given = args.map((arg) => (arg.startsWith('@') ? at(arg.slice(1)) : arg))
  return await verdict(['policy', ...given], { env })
}

const BUILD = ['build', '--policies', '@shop', '--entrypoint', 'shop/allow'] as const

test('from no key to a bundle that is verified, by what the commands print', async () => {
  const made = await policy('keygen', '@ops.pem', '--trust', '@keys.json')
  expect(made).toMatchObject({ code: 0, err: '' })
  expect((await stat(at('ops.pem'))).mode & 0o777).toBe(0o600)
  expect(JSON.parse(await readFile(at('keys.json'), 'utf8'))).toMatchObject({
    ops: { algorithm: 'EdDSA', publicKey: expect.stringContaining('PUBLIC KEY') },
  })
  const signed = ['--output', '@made.tar.gz', '--sign', '@ops.pem']
  const built = await policy(...BUILD, ...signed, '--serial', '12', '--root', 'shop')
  expect(built).toMatchObject({ code: 0, err: '' })
  for (const step of ['opa check --strict', 'opa test', 'opa test --coverage', 'opa build']) {
    expect(built.out).toMatch(new RegExp(`✓ ${step} `))
  }
  expect(built.out).toMatch(/^bundle +\S+made\.tar\.gz, [\d,]+ bytes$/m)
  expect(built.out).toMatch(/^digest +[0-9a-f]{64}$/m)
  expect(built.out).toMatch(/^revision +[0-9a-f]{64}$/m)
  expect(built.out).toMatch(/^serial +12$/m)
  expect(built.out).toMatch(/^entrypoints +shop\/allow$/m)
  expect(built.out).toMatch(/^roots +shop$/m)
  expect(built.out).toMatch(/^signed by +ops$/m)
  expect(built.out).toMatch(/^tests +1 passed$/m)
  expect(built.out).toMatch(/^coverage +[\d.]+ % of \d+ lines$/m)
  expect(built.out).toMatch(/^rule index +20 of 21 rules/m)
  const verified = await policy('verify', '@made.tar.gz', '--keys', '@keys.json')
  expect(verified.code).toBe(0)
  expect(verified.out).toMatch(/^signed by +ops$/m)
})

test('JSON tells the same, with the report, and nothing else is printed', async () => {
  const { code, out } = await policy(...BUILD, '--output', '@json.tar.gz', '--json', '--report')
  expect(code).toBe(0)
  const told = JSON.parse(out)
  expect(told).toMatchObject({
    file: at('json.tar.gz'),
    size: (await stat(at('json.tar.gz'))).size,
    entrypoints: ['shop/allow'],
    roots: [''],
    tests: 1,
    rules: 21,
    indexed: 20,
    report: { ruleIndex: { families: [{ file: 'shop.rego', rule: 'allow', rules: 20 }] } },
  })
  expect(told.report.coverage.missed[0].file).toBe('shop.rego')
})

test('the report tells what became of rules, and what no test runs through', async () => {
  const { out } = await policy(...BUILD, '--output', '@report.tar.gz', '--report')
  expect(out).toContain('rule index: 20 of 21 rules are looked up')
  expect(out).toMatch(/shop\.rego:\d+ allow, 20 rules: by \w+ input\S+; at most 1 to go through/)
  expect(out).toMatch(/not run through by any test:\n {2}shop\.rego: line \d+/)
  const plain = await policy(...BUILD, '--output', '@plain.tar.gz', '--report', '--no-rule-index')
  expect(plain.out).toMatch(/^rule index +switched off$/m)
})

test('a build that fails says why, and leaves the last bundle as it is', async () => {
  await policy(...BUILD, '--output', '@kept.tar.gz')
  const before = await readFile(at('kept.tar.gz'))
  const failed = await policy(...BUILD, '--output', '@kept.tar.gz', '--coverage-min', '100')
  expect(failed.code).toBe(1)
  expect(failed.out).toMatch(/✗ opa test --coverage/)
  expect(failed.err).toContain('100 % are asked for')
  expect(await readFile(at('kept.tar.gz'))).toEqual(before)
})

test('a bundle is signed later, by another kind of key, and refused where that is not known', async () => {
  await policy(
    'keygen',
    '@es.pem',
    '--algorithm',
    'es256',
    '--trust',
    '@both.json',
    '--key-id',
    'es',
  )
  await policy('keygen', '@no.pem', '--trust', '@others.json')
  await policy(...BUILD, '--output', '@later.tar.gz')
  const unsigned = await policy('verify', '@later.tar.gz', '--keys', '@both.json', '--json')
  expect(unsigned.code).toBe(1)
  expect(JSON.parse(unsigned.out).error.code).toBe('bundle_unsigned')
  const args = ['@later.tar.gz', '--key', '@es.pem', '--output', '@signed.tar.gz']
  expect((await policy('sign', ...args)).out).toContain('signed by the key `es`')
  const verified = await policy('verify', '@signed.tar.gz', '--keys', '@both.json', '--json')
  expect(JSON.parse(verified.out)).toMatchObject({ signedBy: 'es', entrypoints: ['shop/allow'] })
  const untrusted = await policy('verify', '@signed.tar.gz', '--keys', '@others.json')
  expect(untrusted).toMatchObject({ code: 1, err: expect.stringContaining('is not trusted') })
})

test('`diff` tells what changed, as text, as JSON and by its exit code', async () => {
  const allowed = SHOP['shop.rego'].replace('user-3', 'user-x')
  const deny = '\ndeny if input.banned\n'
  writeFiles(at('changed'), { ...SHOP, 'shop.rego': allowed + deny, 'data.json': '{"a": 1}' })
  await policy(...BUILD, '--output', '@a.tar.gz', '--revision', 'v1')
  const second = ['build', '--policies', '@changed', '--entrypoint', 'shop/allow'] as const
  await policy(...second, '--output', '@b.tar.gz', '--revision', 'v2')
  const { code, out } = await policy('diff', '@a.tar.gz', '@b.tar.gz')
  expect(code).toBe(0)
  expect(out).toContain('revision  v1 → v2')
  expect(out).toContain(
    'rules:\n  + data.shop.deny (shop.rego)\n  ~ data.shop.allow (shop.rego)\ndata:\n  + /a\n',
  )
  const coded = await policy('diff', '@a.tar.gz', '@b.tar.gz', '--json', '--exit-code')
  expect(coded.code).toBe(1)
  expect(JSON.parse(coded.out)).toMatchObject({ same: false, data: { added: ['/a'] } })
  const same = await policy('diff', '@a.tar.gz', '@a.tar.gz', '--exit-code')
  expect(same).toMatchObject({ code: 0, out: expect.stringContaining('nothing that decides') })
})

test('keys are never written over, neither the private one nor a trusted one', async () => {
  await policy('keygen', '@twice.pem', '--trust', '@twice.json')
  const key = await readFile(at('twice.pem'))
  expect(await policy('keygen', '@twice.pem')).toMatchObject({
    code: 1,
    err: expect.stringContaining('is there already, and is kept'),
  })
  expect(
    await policy('keygen', '@new.pem', '--key-id', 'twice', '--trust', '@twice.json'),
  ).toMatchObject({
    code: 1,
    err: expect.stringContaining('has a key `twice` already'),
  })
  expect(await readFile(at('twice.pem'))).toEqual(key)
  await expect(stat(at('new.pem'))).rejects.toThrow('ENOENT')
})

test('without `--trust` the public key is printed, ready to be trusted', async () => {
  const { out } = await policy('keygen', '@printed.pem', '--scope', 'prod')
  await writeFile(at('printed.json'), out)
  await policy(...BUILD, '--output', '@scoped.tar.gz', '--sign', '@printed.pem', '--scope', 'prod')
  const verify = ['verify', '@scoped.tar.gz', '--keys', '@printed.json'] as const
  expect((await policy(...verify)).code).toBe(0)
  await policy('sign', '@scoped.tar.gz', '--key', '@printed.pem', '--scope', 'test')
  expect((await policy(...verify)).err).toContain('made for the scope `test`')
})

test.each([
  [['keygen'], 'the file for the key is needed'],
  [['keygen', 'a.pem', '--algorithm', 'rsa'], '`--algorithm rsa`: expected one of ed25519, es256'],
  [['sign'], 'the bundle is needed'],
  [['sign', 'a.tar.gz'], '`--key` is needed'],
  [['verify', 'a.tar.gz'], '`--keys` is needed'],
  [['diff', 'a.tar.gz'], 'two bundles are needed'],
  [['build', '--key-id', 'ops'], '`--key-id` and `--scope` need `--sign`'],
  [['build', '--coverage-min', '101'], 'expected a whole number from 0 to 100'],
])('`verdict policy %j` is a mistake that says what is expected', async (args, message) => {
  const { code, err } = await policy(...args)
  expect(err).toContain(message)
  expect(err).toContain(`(see \`verdict policy ${args[0]} --help\`)`)
  expect(code).toBe(2)
})

test.each([
  [['sign', '@none.tar.gz', '--key', '@none.pem'], "none.pem` can't be read"],
  [['verify', '@none.tar.gz', '--keys', '@shop/shop.rego'], 'shop.rego` holds no JSON'],
  [['diff', '@shop/shop.rego', '@shop/shop.rego'], 'the bundle cannot be unpacked'],
])('`verdict policy %j` says which file is wrong', async (args, message) => {
  expect(await policy(...args)).toMatchObject({ code: 1, err: expect.stringContaining(message) })
})
