import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { opaBinary, temporaryDirectory, writeFiles } from '@verdict/kit'
import { expect, test } from 'vitest'
import {
  archiveOf,
  type KeyPair,
  keyPair,
  refusal,
  SMALL,
  trust,
} from '../../test/bundles-under-test.ts'
import { loadPolicy } from '../load.ts'
import { buildArchive } from './build-archive.ts'
import { signBundle } from './sign.ts'
import { verifyBundle } from './verify.ts'

const run = promisify(execFile)
const REGO = 'package shop\n\nallow if input.user == data.shop.owner\n'

/** Data that is the same to OPA only where each number and character is hashed as OPA does it. */
const STRANGE_DATA = `{ "shop": {
  "numbers": [1, 1.0, -0, 1e5, 1E+2, 12345678901234567890, 0.10, 1e400],
  "z\\u00e9": "\\u2028 <b>&\\u007f \\u0001 \\b\\f\\n\\r\\t \\" \\\\ \\/",
  "twice": 1, "twice": { "b": [] }, "😀": [], "\\uffff": {}, "a": null, "__proto__": true, "10": 1, "9": 2
} }`

/** What OPA's own tool says of a bundle: whether it takes it. */
async function askOpa(archive: Uint8Array, { publicPem, trusted }: KeyPair): Promise<string> {
  await using scratch = temporaryDirectory()
  const file = path.join(scratch.path, 'bundle.tar.gz')
  await writeFile(file, archive)
  writeFiles(scratch.path, { 'key.pem': publicPem })
  const { id, algorithm, scope } = trusted
  const args = ['--verification-key', 'key.pem', '--verification-key-id', id]
  const scoped = scope === undefined ? [] : ['--scope', scope]
  try {
    await run(
      await opaBinary(),
      ['build', '--bundle', file, ...args, '--signing-alg', algorithm, ...scoped],
      { cwd: scratch.path },
    )
    return 'taken'
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string }
    return stdout + stderr
  }
}

/** A bundle that OPA's own tools build and sign. */
async function builtByOpa(
  { privatePem, signing }: KeyPair,
  {
    data = '{}',
    target = 'wasm',
    claims = {},
  }: { data?: string; target?: string; claims?: object } = {},
): Promise<Uint8Array> {
  await using scratch = temporaryDirectory()
  writeFiles(scratch.path, {
    'policies/shop.rego': REGO,
    'policies/shop/data.json': data,
    'key.pem': privatePem,
    'claims.json': JSON.stringify({ keyid: signing.id, ...claims }),
  })
  const compiled = target === 'wasm' ? ['--target', 'wasm', '--entrypoint', 'shop/allow'] : []
  const signed = ['--signing-key', 'key.pem', '--signing-alg', signing.algorithm]
  await run(
    await opaBinary(),
    [
      'build',
      '--bundle',
      'policies',
      ...compiled,
      ...signed,
      '--claims-file',
      'claims.json',
      '--revision',
      '17',
    ],
    { cwd: scratch.path },
  )
  return await readFile(path.join(scratch.path, 'bundle.tar.gz'))
}

test.each(['ES256', 'EdDSA'] as const)(
  "OPA's own tools take a bundle of ours (%s)",
  async (alg) => {
    await using scratch = temporaryDirectory()
    // Enough rules of one form for a table, which is data outside of the root.
    const users = Array.from({ length: 12 }, (_, at) => `allow if {\n\tinput.user == "${at}"\n}\n`)
    const rego = `${REGO}\n${users.join('\n')}`
    writeFiles(scratch.path, { 'shop.rego': rego, 'data.json': STRANGE_DATA })
    const built = await buildArchive({
      opa: await opaBinary(),
      sources: scratch.path,
      entrypoints: ['shop/allow'],
      roots: ['shop'],
    })
    expect(built.ruleIndex).toMatchObject({ indexed: 12 })
    const [key, other] = [keyPair('ops', alg), keyPair('ops', alg)]
    const signed = await signBundle(built.archive, key.signing)
    expect(await askOpa(signed, key)).toBe('taken')
    expect(await askOpa(signed, other)).toContain('failed to verify JWT signature')
    expect((await verifyBundle(signed, trust(key))).serial).toBe(built.serial)
  },
)

test("OPA's own tools take a bundle of ours whose data is written strangely", async () => {
  const key = keyPair('ops', 'ES256')
  const files = { '.manifest': '{"revision":"1","roots":["shop"]}', 'shop.rego': REGO }
  const signed = await signBundle(
    await archiveOf({ ...files, 'data.json': STRANGE_DATA }),
    key.signing,
  )
  expect(await askOpa(signed, key)).toBe('taken')
})

test("OPA's own tools take a scope of ours, and refuse another", async () => {
  const scoped = keyPair('ops', 'ES256', 'prod')
  const unscoped = { ...scoped, trusted: { ...scoped.trusted, scope: 'test' } }
  const { 'policy.wasm': _module, 'plan.json': _plan, ...files } = SMALL
  const manifest = '{"revision":"1","roots":["shop"]}'
  const signed = await signBundle(
    await archiveOf({ ...files, '.manifest': manifest }),
    scoped.signing,
  )
  expect(await askOpa(signed, scoped)).toBe('taken')
  expect(await askOpa(signed, unscoped)).toContain('scope mismatch')
})

test.each(['ES256', 'EdDSA'] as const)("a bundle of OPA's own tools is taken (%s)", async (alg) => {
  const key = keyPair('ops', alg)
  const archive = await builtByOpa(key, { data: STRANGE_DATA })
  const bundle = await verifyBundle(archive, trust(key))
  expect(bundle).toMatchObject({
    revision: '17',
    serial: 17,
    entrypoints: ['shop/allow'],
    roots: [''],
    keyId: 'ops',
  })
  expect(Buffer.from(bundle.data).toString()).toContain('12345678901234567890')
  expect(await refusal(() => verifyBundle(archive, trust(keyPair('ops', alg))))).toBe(
    'bundle_signature_invalid',
  )
  expect(await refusal(() => verifyBundle(archive, trust(keyPair('other', alg))))).toBe(
    'bundle_key_unknown',
  )
})

test("a bundle of OPA's own tools that has only Rego is taken, to be compiled", async () => {
  const key = keyPair('ops', 'ES256')
  const bundle = await verifyBundle(await builtByOpa(key, { target: 'rego' }), trust(key))
  expect(bundle.uncompiled?.map((file) => file.path)).toEqual(['data.json', 'policies/shop.rego'])
})

test("the scope of a bundle of OPA's own tools has to be that of the key", async () => {
  const [plain, scoped] = [keyPair('ops', 'ES256'), keyPair('ops', 'ES256', 'prod')]
  const archive = await builtByOpa(scoped, { claims: { scope: 'prod' } })
  expect((await verifyBundle(archive, trust(scoped))).keyId).toBe('ops')
  const { scope: _scope, ...trusted } = scoped.trusted
  expect(await refusal(() => verifyBundle(archive, trust({ ...scoped, trusted })))).toBe(
    'bundle_signature_invalid',
  )
  expect(
    await refusal(async () =>
      verifyBundle(
        await builtByOpa(plain),
        trust({ ...plain, trusted: { ...plain.trusted, scope: 'prod' } }),
      ),
    ),
  ).toBe('bundle_signature_invalid')
})

test("a folder that OPA's own tools signed is taken as an archive, with its YAML", async () => {
  await using scratch = temporaryDirectory()
  const key = keyPair('ops', 'ES256')
  const bundle = path.join(scratch.path, 'bundle')
  writeFiles(scratch.path, { 'key.pem': key.privatePem, 'claims.json': '{"keyid":"ops"}' })
  writeFiles(bundle, {
    '.manifest': '{"revision":"3","roots":["shop"]}',
    'shop.rego': REGO,
    'shop/data.yaml': 'owner: alice\nbig: 12345678901234567890\nrate: 1.50\n# nothing\n',
  })
  const signing = ['--signing-key', '../key.pem', '--signing-alg', 'ES256']
  const claims = ['--claims-file', '../claims.json']
  await run(await opaBinary(), ['sign', ...signing, ...claims, '--bundle', '.'], { cwd: bundle })
  await run('tar', ['-czf', '../bundle.tar.gz', '.'], { cwd: bundle })
  const archive = await readFile(path.join(scratch.path, 'bundle.tar.gz'))
  const { serial, uncompiled, data } = await verifyBundle(archive, trust(key))
  expect(serial).toBe(3)
  expect(uncompiled?.map((file) => file.path)).toEqual(['shop.rego', 'shop/data.yaml'])
  expect(Buffer.from(data).toString()).toContain('"owner":"alice"')
})

test("a module of OPA's own tools decides, although it comes without a plan", async () => {
  const key = keyPair('ops', 'ES256')
  const archive = await builtByOpa(key, { data: '{"owner":"alice"}' })
  const bundle = await verifyBundle(archive, trust(key))
  expect(bundle.plan).toBeUndefined()
  const policy = await loadPolicy(bundle)
  expect(policy.evaluate('shop/allow', { user: 'alice' })).toBe(true)
  expect(policy.evaluate('shop/allow', { user: 'bob' })).toBeUndefined()
  expect(policy.remembered).toBe(false)
})
