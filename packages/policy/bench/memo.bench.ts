/**
 * What remembering answers costs and gains: `node packages/policy/bench/memo.bench.ts`. Three
 * policies that differ in their loops only, asked with memory and without by turns in one run: the
 * cost of a hit, of a miss (asking, looking up and keeping, beyond the evaluation itself), and the
 * gain over a trace of requests as a shop has them.
 */
import { join } from 'node:path'
import { opaBinary, temporaryDirectory, writeFiles } from '@verdict/kit'
import { buildBundle, type LoadedPolicy, loadPolicy } from '../src/index.ts'

const ENTRYPOINT = 'shop/allow'
/** Turns of a loop by which an evaluation takes about so long. */
const POLICIES = [
  { name: '50 µs', turns: 120, trace: 20_000 },
  { name: '1 ms', turns: 2_900, trace: 4_000 },
  { name: '20 ms', turns: 58_000, trace: 600 },
]
/** By whom a policy decides: answers for a role serve all who have it. */
const READERS = { role: 'input.identity.claims.roles[0]', user: 'input.identity.subject' }
const USERS = 2_000
const ROLES = 20
const PATHS = 60
const ROUNDS = 12
const US_PER_MS = 1_000

/** Requests of few users often and of many seldom, to few paths often and to many seldom. */
function traceOf(length: number): object[] {
  let state = 42
  const random = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
  // Zipf's law with exponent 1: the logarithm of the rank is uniform.
  const zipf = (count: number) => Math.floor(count ** random()) - 1
  return Array.from({ length }, (_, at) => {
    const user = zipf(USERS)
    return {
      // No rule looks at the id, so that it is no part of what is remembered.
      attributes: { request: { http: { method: random() < 0.85 ? 'GET' : 'POST', id: `${at}` } } },
      identity: { subject: `user-${user}`, claims: { roles: [`role-${user % ROLES}`] } },
      parsed_path: ['area', `page-${zipf(PATHS)}`],
    }
  })
}

const rego = (reads: string, turns: number): string => `package shop

allow if {
	input.attributes.request.http.method in {"GET", "HEAD"}
	contains(${reads}, "-")
	input.parsed_path[0] == "area"
	count([n | some n in numbers.range(1, ${turns}); n % 7 != input.parsed_path[1]]) > 0
}
`

for (const { name, turns, trace } of POLICIES) {
  const requests = traceOf(trace)
  const byRole = await policiesOf(rego(READERS.role, turns))
  const costs = costsOf(byRole, requests[0] ?? {}, turns)
  print(`${name}: fresh ${us(costs.fresh)}  hit ${us(costs.hit)}  miss ${us(costs.miss)}`)
  for (const [reader, reads] of Object.entries(READERS)) {
    const { remembering, forgetting } = await policiesOf(rego(reads, turns))
    const [without, by] = [through(forgetting, requests), through(remembering, requests)]
    const hits = ((by.hits / trace) * 100).toFixed(0)
    const gain = (without.us / by.us).toFixed(1)
    print(`  ${trace} requests, decided by ${reader}: ${hits} % remembered, ${gain} × less`)
  }
}

interface Policies {
  readonly remembering: LoadedPolicy
  readonly forgetting: LoadedPolicy
}

async function policiesOf(text: string): Promise<Policies> {
  await using scratch = temporaryDirectory()
  const sources = join(scratch.path, 'policies')
  writeFiles(sources, { 'shop.rego': text })
  const cacheDir = join(scratch.path, 'cache')
  const opa = await opaBinary()
  const bundle = await buildBundle({ opa, sources, entrypoints: [ENTRYPOINT], cacheDir })
  return {
    remembering: await loadPolicy(bundle),
    forgetting: await loadPolicy(bundle, { memoBytesMax: 0 }),
  }
}

/** µs of an evaluation without memory, of a remembered answer, and of one that is kept. */
function costsOf({ remembering, forgetting }: Policies, request: object, turns: number) {
  const times = Math.max(5, Math.round(20_000 / turns))
  let unlike = 0
  const rounds = Array.from({ length: ROUNDS }, () => ({
    fresh: each(times, () => forgetting.evaluate(ENTRYPOINT, request)),
    hit: each(5_000, () => remembering.evaluate(ENTRYPOINT, request)),
    miss: each(times, () => {
      const path = { parsed_path: ['area', `other-${unlike++}`] }
      remembering.evaluate(ENTRYPOINT, { ...request, ...path })
    }),
  }))
  const least = (of: 'fresh' | 'hit' | 'miss') => Math.min(...rounds.map((round) => round[of]))
  // What disturbs only adds.
  return { fresh: least('fresh'), hit: least('hit'), miss: least('miss') }
}

/** µs for each of so many calls. */
function each(times: number, call: () => unknown): number {
  const begin = performance.now()
  for (let n = 0; n < times; n++) call()
  return ((performance.now() - begin) * US_PER_MS) / times
}

function through(policy: LoadedPolicy, requests: readonly object[]): { us: number; hits: number } {
  let hits = 0
  const begin = performance.now()
  for (const request of requests) {
    policy.evaluate(ENTRYPOINT, request)
    if (policy.remembered) hits += 1
  }
  return { us: ((performance.now() - begin) * US_PER_MS) / requests.length, hits }
}

function us(value: number): string {
  return `${value.toFixed(value < 10 ? 2 : 0)} µs`
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
