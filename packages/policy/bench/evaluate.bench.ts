/**
 * What one decision of the shipped policies costs: `node packages/policy/bench/evaluate.bench.ts`.
 * Ours and the SDK's own `evaluate` take turns in one run, so that the ratio means something.
 */
import { join, resolve } from 'node:path'
import * as sdk from '@open-policy-agent/opa-wasm'
import { opaBinary, temporaryDirectory } from '@verdict/kit'
import { buildBundle, loadPolicy } from '../src/index.ts'

const POLICIES = resolve(import.meta.dirname, '../../../policies')
const ENTRYPOINT = 'envoy/authz/allow'
const ROUNDS = 15
const EVALUATIONS_PER_ROUND = 4_000

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

await using cache = temporaryDirectory()
const bundle = await buildBundle({
  opa: await opaBinary(),
  sources: POLICIES,
  entrypoints: [ENTRYPOINT],
  cacheDir: join(cache.path, 'cache'),
})
const policy = await loadPolicy(bundle)
const bare = await sdk.loadPolicy(bundle.wasm, 16)
bare.setData(JSON.parse(Buffer.from(bundle.data).toString()))
const denied = { ...input, parsed_path: ['orders'] }

const cases: Record<string, () => unknown> = {
  'evaluate, ours': () => policy.evaluate(ENTRYPOINT, input),
  'evaluate, SDK': () => bare.evaluate(input, ENTRYPOINT),
  'evaluate, ours, denied': () => policy.evaluate(ENTRYPOINT, denied),
  'of that, JSON of the input': () => JSON.stringify(input),
}

const figures = new Map<string, number[]>()
for (let round = 0; round < ROUNDS; round++) {
  for (const [name, work] of Object.entries(cases)) {
    const begin = process.hrtime.bigint()
    for (let n = 0; n < EVALUATIONS_PER_ROUND; n++) work()
    const us = Number(process.hrtime.bigint() - begin) / 1_000 / EVALUATIONS_PER_ROUND
    figures.set(name, [...(figures.get(name) ?? []), us])
  }
}
for (const [name, rounds] of figures) {
  const sorted = rounds.toSorted((a, b) => a - b)
  const median = sorted[sorted.length >> 1] ?? 0
  const text = `${name.padEnd(28)} ${median.toFixed(1)} µs (best ${sorted[0]?.toFixed(1)})\n`
  process.stdout.write(text)
}
