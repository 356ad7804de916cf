/**
 * What one evaluation costs: `node packages/policy/bench/evaluate.bench.ts`. The policies are those
 * of `npm run bench`: the shipped ones, and users with roles in the data. Ours, the SDK's own
 * `evaluate`, and the module with and without what counts its steps take turns in one run, so that
 * the ratios mean something.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import * as sdk from '@open-policy-agent/opa-wasm'
import { opaBinary, temporaryDirectory, writeFiles } from '@verdict/kit'
import { metered } from '../src/fuel/meter.ts'
import { type Bundle, buildBundle, loadPolicy } from '../src/index.ts'

const SHIPPED = resolve(import.meta.dirname, '../../../policies')
const ENTRYPOINT = 'envoy/authz/allow'
const ROUNDS = 40
const EVALUATIONS_PER_ROUND = 1_000
const MEMORY_PAGES = 256

/** Alice reads an order through the gateway, as Envoy asks. */
const input = {
  attributes: {
    contextExtensions: { namespace: 'shop', service: 'orders' },
    destination: { address: { socketAddress: { address: '127.0.0.1', portValue: 10000 } } },
    request: {
      http: {
        headers: {
          ':authority': 'shop.example',
          ':method': 'GET',
          ':path': '/orders/1',
          ':scheme': 'http',
          accept: '*/*',
          authorization: `Bearer ${'x'.repeat(300)}`,
          'user-agent': 'curl/8.5.0',
          'x-forwarded-proto': 'http',
          'x-request-id': 'b9f4b3a0-5a3c-4d0a-9d0c-2f1f3f0c6f51',
        },
        host: 'shop.example',
        id: '1234567890',
        method: 'GET',
        path: '/orders/1',
        protocol: 'HTTP/1.1',
        scheme: 'http',
        size: -1,
      },
      time: { nanos: 5_000_000, seconds: 1_763_800_000 },
    },
    source: { address: { socketAddress: { address: '127.0.0.1', portValue: 40111 } } },
  },
  identity: {
    status: 'verified',
    issuer: 'https://demo.verdict.example',
    subject: 'alice',
    claims: { sub: 'alice', roles: ['customer'], iat: 1_763_800_000, exp: 1_763_803_600 },
  },
  parsed_body: null,
  parsed_path: ['orders', '1'],
  parsed_query: {},
  source_principal: '',
  truncated_body: false,
  version: { encoding: 'protojson', ext_authz: 'v3' },
}

const denied = { ...input, parsed_path: ['nothing'] }

await measure('shipped', shipped())
await measure('1,000 users, 50 roles', usersAndRoles(1_000, 50))
await measure('10,000 users, 500 roles', usersAndRoles(10_000, 500))

function shipped(): Record<string, string> {
  const names = readdirSync(SHIPPED).filter((name) => !name.endsWith('_test.rego'))
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(SHIPPED, name), 'utf8')]))
}

function usersAndRoles(users: number, roles: number): Record<string, string> {
  const numbered = <T>(count: number, entry: (n: number) => [string, T]) =>
    Object.fromEntries(Array.from({ length: count }, (_, n) => entry(n)))
  const data = {
    roles: numbered(roles, (n) => [
      `role-${n}`,
      { methods: ['GET', 'HEAD'], paths: ['orders', `area-${n}`] },
    ]),
    users: numbered(users, (n) => [
      n === 0 ? 'alice' : `user-${n}`,
      { roles: [n, n + 7, n + 31].map((role) => `role-${role % roles}`) },
    ]),
  }
  const rego = `package envoy.authz

default allow := false

allow if {
  some name in data.users[input.identity.subject].roles
  role := data.roles[name]
  input.attributes.request.http.method in role.methods
  input.parsed_path[0] in role.paths
}
`
  return { 'authz.rego': rego, 'data.json': JSON.stringify(data) }
}

async function measure(name: string, files: Readonly<Record<string, string>>): Promise<void> {
  await using scratch = temporaryDirectory()
  const sources = join(scratch.path, 'policies')
  writeFiles(sources, files)
  const cacheDir = join(scratch.path, 'cache')
  const opa = await opaBinary()
  const options = { opa, sources, entrypoints: [ENTRYPOINT], cacheDir }
  // The SDK has no ear for labels.
  const bundle = await buildBundle({ ...options, labels: false })
  const labelled = await loadPolicy(await buildBundle(options), { memoBytesMax: 0 })
  const policy = await loadPolicy(bundle, { memoBytesMax: 0 })
  const peer = await sdk.loadPolicy(bundle.wasm, MEMORY_PAGES)
  peer.setData(JSON.parse(Buffer.from(bundle.data).toString()))
  const json = Buffer.from(JSON.stringify(input))
  const best = taken({
    ours: () => policy.evaluate(ENTRYPOINT, input),
    labelled: () => labelled.evaluate(ENTRYPOINT, input),
    sdk: () => peer.evaluate(input, ENTRYPOINT),
    oursDenied: () => policy.evaluate(ENTRYPOINT, denied),
    sdkDenied: () => peer.evaluate(denied, ENTRYPOINT),
    counted: await bare(bundle, metered(bundle.wasm), json),
    uncounted: await bare(bundle, bundle.wasm, json),
  })
  const ratio = (a: number, b: number) => (a / b).toFixed(2)
  const { ours, labelled: told, sdk: theirs, oursDenied, sdkDenied, counted, uncounted } = best
  print(`${name}: ${policy.spent} units`)
  print(`  allowed  ours ${us(ours)}  SDK ${us(theirs)}  ratio ${ratio(ours, theirs)}`)
  print(`  with labels ${us(told)}  to without ${ratio(told, ours)}`)
  print(
    `  denied   ours ${us(oursDenied)}  SDK ${us(sdkDenied)}  ratio ${ratio(oursDenied, sdkDenied)}`,
  )
  print(
    `  module   counting ${us(counted)}  without ${us(uncounted)}  ratio ${ratio(counted, uncounted)}`,
  )
}

/** `opa_eval` by itself, on an input that is JSON in the memory already. */
async function bare(bundle: Bundle, wasm: Uint8Array, json: Uint8Array): Promise<() => unknown> {
  const memory = new WebAssembly.Memory({ initial: MEMORY_PAGES })
  const names = ['abort', 'println', 'builtin0', 'builtin1', 'builtin2', 'builtin3', 'builtin4']
  const imports = Object.fromEntries(names.map((name) => [`opa_${name}`, () => 0]))
  const module = await WebAssembly.compile(wasm)
  const { exports } = new WebAssembly.Instance(module, { env: { ...imports, memory } })
  type Call = (...operands: number[]) => number
  const { opa_malloc, opa_json_parse, opa_heap_ptr_get, opa_eval } = exports as Record<
    'opa_malloc' | 'opa_json_parse' | 'opa_heap_ptr_get' | 'opa_eval',
    Call
  >
  const text = opa_malloc(bundle.data.byteLength)
  Buffer.from(memory.buffer).set(bundle.data, text)
  const data = opa_json_parse(text, bundle.data.byteLength)
  const heap = opa_heap_ptr_get()
  const fuel = exports['verdict_fuel'] as WebAssembly.Global | undefined
  const bytes = json.byteLength
  return () => {
    if (fuel !== undefined) fuel.value = 1_000_000
    Buffer.from(memory.buffer).set(json, heap)
    return opa_eval(0, 0, data, heap, bytes, heap + bytes, 0)
  }
}

/** The best time of each in µs, of rounds in which they take turns: what disturbs only adds. */
function taken<Name extends string>(
  cases: Readonly<Record<Name, () => unknown>>,
): Record<Name, number> {
  const names = Object.keys(cases) as Name[]
  const rounds = new Map<Name, number[]>(names.map((name) => [name, []]))
  for (let round = 0; round < ROUNDS; round++) {
    for (const name of names) {
      const begin = process.hrtime.bigint()
      for (let n = 0; n < EVALUATIONS_PER_ROUND; n++) cases[name]()
      const ns = Number(process.hrtime.bigint() - begin)
      rounds.get(name)?.push(ns / 1_000 / EVALUATIONS_PER_ROUND)
    }
  }
  const best = (name: Name) => Math.min(...(rounds.get(name) ?? []))
  return Object.fromEntries(names.map((name) => [name, best(name)])) as Record<Name, number>
}

function us(value: number): string {
  return `${value.toFixed(1)} µs`
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
