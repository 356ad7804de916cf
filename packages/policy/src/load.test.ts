import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { opaBinary, temporaryDirectory, writeFiles } from '@verdict/kit'
import { expect, onTestFinished, test, vi } from 'vitest'
import { bundleOf, errorOf, policyOf } from '../test/policy-under-test.ts'
import { loadPolicy } from './load.ts'

const opa = await opaBinary()
vi.setConfig({ testTimeout: 60_000 })
const run = promisify(execFile)

/** For what may take long, but not all memory. */
const ENOUGH = { unitsMax: 1_000_000_000 }
/** Needs memory by the square of `n`. */
const ALL_PAIRS = `
numbers_to_n := numbers.range(1, input.n)

x := count([[i, j] | some i in numbers_to_n; some j in numbers_to_n])
`

test('each entrypoint is answered with its own value', async () => {
  const rego = 'x := input.n + data.n\n\ny := {"allowed": true}\n'
  const policy = await policyOf(rego, ['p/x', 'p/y'], '{"n": 40}')
  expect(policy.evaluate('p/x', { n: 2 })).toBe(42)
  expect(policy.evaluate('p/y', {})).toEqual({ allowed: true })
})

test('an undefined rule is undefined, and falsy values are values', async () => {
  const rego = 'x := input.v\n'
  const policy = await policyOf(rego)
  expect(policy.evaluate('p/x', {})).toBeUndefined()
  for (const v of [false, 0, '', null, []]) expect(policy.evaluate('p/x', { v })).toEqual(v)
})

test('an entrypoint that the policy was not built for is refused', async () => {
  const policy = await policyOf('x := 1\n\ny := 2\n')
  expect(errorOf(() => policy.evaluate('p/y', {}))).toMatchObject({ code: 'entrypoint_unknown' })
})

test('built-ins that wait for others are refused with what to do instead', async () => {
  const rego = 'x := [http.send({"method": "get", "url": input.url}), net.lookup_ip_addr("a")]\n'
  await expect(bundleOf(rego)).rejects.toMatchObject({
    code: 'builtin_unsupported',
    message: expect.stringMatching(
      /p\.rego:3: `http\.send`; p\.rego:3: `net\.lookup_ip_addr`.*push what they know/,
    ),
  })
})

test('the built-ins of the SDK are there', async () => {
  const rego = [
    'x := {',
    '  "json.is_valid": json.is_valid("{}"),',
    '  "regex.split": regex.split(",", input.text),',
    '  "sprintf": sprintf("%s-%d", [input.text, 7]),',
    '  "yaml.is_valid": yaml.is_valid(input.text),',
    '  "yaml.marshal": yaml.marshal({"a": 1}),',
    '  "yaml.unmarshal": yaml.unmarshal("a: 1"),',
    '}',
  ]
  const policy = await policyOf(`${rego.join('\n')}\n`)
  expect(policy.evaluate('p/x', { text: 'a,b' })).toEqual({
    'json.is_valid': true,
    'regex.split': ['a', 'b'],
    sprintf: 'a,b-7',
    'yaml.is_valid': true,
    'yaml.marshal': 'a: 1\n',
    'yaml.unmarshal': { a: 1 },
  })
})

test('rules that contradict each other are a fault, and the next request is decided', async () => {
  const policy = await policyOf('x := 1 if input.a\n\nx := 2 if input.b\n')
  const error = errorOf(() => policy.evaluate('p/x', { a: true, b: true }))
  expect(error).toMatchObject({ name: 'PolicyError', code: 'evaluation_failed' })
  expect(error.message).toMatch(/`p\/x` failed: p\.rego:.*conflict/)
  expect(error.cause).toBeDefined()
  expect(policy.evaluate('p/x', { b: true })).toBe(2)
})

test('half of a surrogate pair is read as OPA reads it', async () => {
  const rego = 'x := input.text\n'
  const policy = await policyOf(rego)
  await using scratch = temporaryDirectory()
  for (const text of ['a\ud800b', '\udfff', 'x\\ud800y', '\\\ud800', '😀', '\ud83d😀']) {
    const input = JSON.stringify({ text })
    writeFiles(scratch.path, { 'p.rego': `package p\n\n${rego}`, 'input.json': input })
    const args = ['eval', '-d', 'p.rego', '-i', 'input.json', 'data.p.x', '-f', 'json']
    const { stdout } = await run(opa, args, { cwd: scratch.path })
    expect(policy.evaluate('p/x', { text })).toBe(JSON.parse(stdout).result[0].expressions[0].value)
  }
})

test('an input that is no JSON is a fault', async () => {
  const policy = await policyOf('x := input\n')
  const circle: { self?: object } = {}
  circle.self = circle
  expect(errorOf(() => policy.evaluate('p/x', circle))).toMatchObject({ code: 'input_malformed' })
})

test('a memory bomb costs one decision', async () => {
  const policy = await loadPolicy(await bundleOf(ALL_PAIRS, ['p/x']), {
    memoryBytesMax: 32 * 1024 ** 2,
  })
  for (let bomb = 0; bomb < 2; bomb++) {
    const error = errorOf(() => policy.evaluate('p/x', { n: 10_000 }, ENOUGH))
    expect(error).toMatchObject({ code: 'memory_exhausted' })
    expect(policy.evaluate('p/x', { n: 3 })).toBe(9)
  }
})

test('an input that is larger than the memory is a fault of that decision', async () => {
  const policy = await loadPolicy(await bundleOf('x := count(input.text)\n', ['p/x']), {
    memoryBytesMax: 1024 ** 2,
  })
  const error = errorOf(() => policy.evaluate('p/x', { text: 'a'.repeat(2 * 1024 ** 2) }))
  expect(error).toMatchObject({ code: 'memory_exhausted' })
  expect(policy.evaluate('p/x', { text: 'abc' })).toBe(3)
})

test('data that is larger than the memory is refused when it is loaded', async () => {
  const data = JSON.stringify({ text: 'a'.repeat(2 * 1024 ** 2) })
  const bundle = await bundleOf('x := data.text\n', ['p/x'], data)
  await expect(loadPolicy(bundle, { memoryBytesMax: 1024 ** 2 })).rejects.toMatchObject({
    code: 'memory_exhausted',
  })
  await expect(loadPolicy(bundle, { memoryBytesMax: 64 * 1024 })).rejects.toMatchObject({
    code: 'memory_exhausted',
  })
})

test('a policy with large constants is loaded', async () => {
  const constants = Array.from({ length: 1_000 }, (_, n) => `"${'a'.repeat(600)}${n}"`)
  const policy = await policyOf(`x := count([${constants.join(', ')}])\n`)
  expect(policy.evaluate('p/x', {})).toBe(1_000)
})

test('thousands of failed evaluations leave the next one right', async () => {
  const policy = await policyOf('x := 1 if input.a\n\nx := 2 if input.b\n')
  for (let n = 0; n < 5_000; n++) {
    const error = errorOf(() => policy.evaluate('p/x', { a: true, b: true }))
    expect(error.message).toContain('conflict')
  }
  expect(policy.evaluate('p/x', { b: true })).toBe(2)
})

test('an instance where much memory was used is replaced, and no other', async () => {
  const policy = await policyOf(ALL_PAIRS)
  const memories = vi.spyOn(WebAssembly as unknown as { Memory: () => unknown }, 'Memory')
  onTestFinished(() => memories.mockRestore())
  for (let n = 1; n < 100; n++) expect(policy.evaluate('p/x', { n })).toBe(n * n)
  expect(memories).toHaveBeenCalledTimes(0)
  expect(policy.evaluate('p/x', { n: 700 }, ENOUGH)).toBe(490_000)
  expect(policy.evaluate('p/x', { n: 101 })).toBe(10_201)
  expect(memories).toHaveBeenCalledTimes(1)
})

test('bytes that are no module are refused', async () => {
  const bundle = await bundleOf('x := 1\n', ['p/x'])
  for (const wasm of [new Uint8Array(), bundle.wasm.subarray(0, 5_000)]) {
    await expect(loadPolicy({ ...bundle, wasm })).rejects.toMatchObject({ code: 'module_refused' })
  }
  await expect(loadPolicy({ ...bundle, data: Buffer.from('{') })).rejects.toMatchObject({
    code: 'module_refused',
  })
})
