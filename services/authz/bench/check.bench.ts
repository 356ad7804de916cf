/**
 * What one recorded decision over gRPC costs: `node services/authz/bench/check.bench.ts`.
 *
 * The shipped policies, a verified caller whose identity is remembered, the record durable before
 * the answer. The same server with an empty answer takes turns with it in one run, so that the
 * ratio means something; the client shares the machine, so that rates mean less. Options of Node
 * for the decision point, such as `--cpu-prof`, go into SERVICE_NODE_OPTIONS.
 */
import { readFileSync } from 'node:fs'
import http2 from 'node:http2'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { loadSync } from '@grpc/proto-loader'
import { remembered, startBus, startDecisionPoint, startIdentityResponder } from '@verdict/kit'
import { CHECK_METHOD } from '../src/envoy/check.ts'
import { frameMessage } from '../src/envoy/grpc-frame.ts'
import { HEALTH_METHOD } from '../src/envoy/health.ts'

const POLICIES = resolve(import.meta.dirname, '../../../policies')
const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 5)
const CALLS_PER_ROUND = Number(process.env['BENCH_CALLS'] ?? 10_000)
const SESSIONS = 2
const STREAMS_PER_SESSION = 16
/** Of Linux: the unit of the CPU times in /proc. */
const TICK_US = 10_000

interface Figures {
  readonly cpuUs: number
  readonly rate: number
  readonly latenciesMs: readonly number[]
}

await using bus = await startBus()
await using _authn = await startIdentityResponder(bus, () =>
  remembered({
    status: 'verified',
    issuer: 'https://demo.verdict.example',
    subject: 'alice',
    claims: { sub: 'alice', roles: ['customer'], iat: 1_763_800_000, exp: 1_763_803_600 },
  }),
)
await using point = await startDecisionPoint({ bus, policies: POLICIES })
const { pid } = point
const decision = { path: CHECK_METHOD, body: frameMessage(checkRequest()) }
const empty = { path: HEALTH_METHOD, body: frameMessage(new Uint8Array()) }

await run(decision)
await run(empty)
const decisions: Figures[] = []
const empties: Figures[] = []
for (let round = 0; round < ROUNDS; round++) {
  empties.push(await run(empty))
  decisions.push(await run(decision))
}
print('empty answer', empties)
print('recorded decision', decisions)
const ratio = median(decisions.map(({ cpuUs }) => cpuUs)) / median(empties.map((f) => f.cpuUs))
const commits = await point.metric('verdict_journal_commits')
const records = await point.metric('verdict_journal_records')
process.stdout.write(
  `ratio ${ratio.toFixed(2)}; ${(records / commits).toFixed(1)} records in one sync\n`,
)
// In order: only then does a profiler write what it has seen.
await point.end('SIGTERM')

/** Many calls, a fixed number of them in flight. */
async function run(call: { path: string; body: Buffer }): Promise<Figures> {
  const latenciesMs: number[] = []
  let left = CALLS_PER_ROUND
  const cpuBefore = cpuTimeUs(pid)
  const began = performance.now()
  await Promise.all(
    Array.from({ length: SESSIONS }, async () => {
      const session = http2.connect(`http://127.0.0.1:${point.grpcPort}`)
      await Promise.all(
        Array.from({ length: STREAMS_PER_SESSION }, async () => {
          while (left-- > 0) latenciesMs.push(await unary(session, call))
        }),
      )
      session.close()
    }),
  )
  const elapsedS = (performance.now() - began) / 1_000
  const cpuUs = (cpuTimeUs(pid) - cpuBefore) / CALLS_PER_ROUND
  return { cpuUs, rate: CALLS_PER_ROUND / elapsedS, latenciesMs }
}

function unary(
  session: http2.ClientHttp2Session,
  { path, body }: { path: string; body: Buffer },
): Promise<number> {
  const { promise, resolve: settle, reject } = Promise.withResolvers<number>()
  const began = performance.now()
  const stream = session.request({
    ':method': 'POST',
    ':path': path,
    'content-type': 'application/grpc',
    'grpc-timeout': '1S',
    te: 'trailers',
  })
  stream.on('trailers', (trailers) => {
    if (trailers['grpc-status'] !== '0') reject(new Error(`status ${trailers['grpc-status']}`))
  })
  stream.on('response', (headers) => {
    if (headers['grpc-status'] !== undefined) reject(new Error(String(headers['grpc-message'])))
  })
  stream.on('error', reject)
  stream.on('close', () => settle(performance.now() - began))
  stream.resume()
  stream.end(body)
  return promise
}

/** User and system time of all threads of a process. */
function cpuTimeUs(of: number): number {
  const fields = readFileSync(`/proc/${of}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
  return (Number(fields[11]) + Number(fields[12])) * TICK_US
}

function print(name: string, figures: readonly Figures[]): void {
  const latencies = figures.flatMap(({ latenciesMs }) => latenciesMs).toSorted((a, b) => a - b)
  const at = (share: number): string =>
    (latencies[Math.floor(share * latencies.length)] ?? 0).toFixed(2)
  const cpu = median(figures.map(({ cpuUs }) => cpuUs)).toFixed(0)
  const rate = median(figures.map((f) => f.rate)).toFixed(0)
  process.stdout.write(
    `${name.padEnd(18)} ${cpu} µs CPU, ${rate}/s, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms\n`,
  )
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[sorted.length >> 1] ?? 0
}

/** Alice reads an order, as a real Envoy asks for her. */
function checkRequest(): Uint8Array {
  const protos = join(
    dirname(fileURLToPath(import.meta.resolve('@grpc/grpc-js-xds/package.json'))),
    'deps',
  )
  const definition = loadSync('envoy/service/auth/v3/external_auth.proto', {
    includeDirs: ['envoy-api', 'googleapis', 'xds', 'protoc-gen-validate'].map((part) =>
      join(protos, part),
    ),
    keepCase: true,
  })
  const service = definition['envoy.service.auth.v3.Authorization'] as unknown as {
    Check: { requestSerialize(message: object): Buffer }
  }
  return service.Check.requestSerialize({
    attributes: {
      source: { address: { socket_address: { address: '10.0.0.7', port_value: 40111 } } },
      destination: { address: { socket_address: { address: '10.0.0.9', port_value: 10000 } } },
      request: {
        time: { seconds: 1_763_800_000, nanos: 5_000_000 },
        http: {
          id: '12345678901234567890',
          method: 'GET',
          path: '/orders/1?expand=items',
          host: 'shop.example',
          scheme: 'https',
          protocol: 'HTTP/2',
          size: -1,
          headers: {
            ':authority': 'shop.example',
            ':method': 'GET',
            ':path': '/orders/1?expand=items',
            ':scheme': 'https',
            accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
            'accept-encoding': 'gzip, deflate, br, zstd',
            'accept-language': 'en-GB,en;q=0.5',
            authorization: `Bearer ${'eyJhbGciOiJFUzI1NiJ9.'.repeat(30)}`,
            cookie: 'session=8f14e45fceea167a5a36dedd4bea2543; theme=dark',
            'sec-fetch-dest': 'document',
            'sec-fetch-mode': 'navigate',
            'sec-fetch-site': 'same-origin',
            'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
            'x-forwarded-for': '203.0.113.9',
            'x-forwarded-proto': 'https',
            'x-request-id': 'b9f4b3a0-5a3c-4d0a-9d0c-2f1f3f0c6f51',
            traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
          },
        },
      },
      context_extensions: { namespace: 'shop', service: 'orders' },
    },
  })
}
