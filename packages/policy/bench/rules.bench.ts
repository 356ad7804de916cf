/**
 * What rules cost by their number: `node packages/policy/bench/rules.bench.ts [shape …]`. Ten shapes
 * of rules, as they are written and by tables, for 10 and for 10,000 of them, beside `opa bench` of
 * the same 10,000: µs of an evaluation that finds a rule / that finds none, nothing remembered.
 */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { opaBinary, temporaryDirectory, writeFiles } from '@verdict/kit'
import { buildBundle, type LoadedPolicy, loadPolicy } from '../src/index.ts'
import { RULE_SHAPES, type RuleShape } from '../test/rule-shapes.ts'

const run = promisify(execFile)
const FEW = 10
const MANY = 10_000
const ROUNDS = 12
const EVALUATIONS_PER_ROUND = 300
const BUILD_TIMEOUT_MS = 600_000
const US_PER_MS = 1_000
const NS_PER_US = 1_000

const names = process.argv.slice(2)
const shapes = RULE_SHAPES.filter(({ name }) => names.length === 0 || names.includes(name))
if (shapes.length === 0) {
  process.stderr.write(`no such shape; there are: ${RULE_SHAPES.map(nameOf).join(', ')}\n`)
  process.exitCode = 2
} else {
  print(['rules by', `plain, ${FEW}`, `tables, ${FEW}`, `tables, ${MANY}`, `opa bench, ${MANY}`])
  print(['---', '---', '---', '---', '---'])
}
for (const shape of shapes) {
  const plain = await policyOf(shape, FEW, false)
  const few = await policyOf(shape, FEW, true)
  const many = await policyOf(shape, MANY, true)
  const costs = leastOf([
    [plain, shape.hit(FEW), shape.miss],
    [few, shape.hit(FEW), shape.miss],
    [many, shape.hit(MANY), shape.miss],
  ])
  print([shape.name, ...costs.map(pair), pair(await askOpa(shape))])
}

async function policyOf(
  shape: RuleShape,
  count: number,
  ruleIndex: boolean,
): Promise<LoadedPolicy> {
  await using scratch = temporaryDirectory()
  const sources = join(scratch.path, 'policies')
  writeFiles(sources, { 'p.rego': `package p\n\n${shape.rules(count)}` })
  const how = { sources, entrypoints: ['p/x'], cacheDir: scratch.path, ruleIndex }
  const bundle = await buildBundle({ opa: await opaBinary(), ...how, timeoutMs: BUILD_TIMEOUT_MS })
  return await loadPolicy(bundle, { memoBytesMax: 0 })
}

type Case = readonly [policy: LoadedPolicy, hit: object, miss: object]
type Cost = readonly [hit: number, miss: number]

/** The least of each over rounds in which all take turns: what disturbs only adds. */
function leastOf(cases: readonly Case[]): Cost[] {
  let least: Cost[] = cases.map(() => [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY])
  for (let round = 0; round < ROUNDS; round++) {
    least = cases.map(([policy, hit, miss], at) => {
      const [hitBefore = 0, missBefore = 0] = least[at] ?? []
      return [Math.min(hitBefore, cost(policy, hit)), Math.min(missBefore, cost(policy, miss))]
    })
  }
  return least
}

function cost(policy: LoadedPolicy, input: object): number {
  const begin = performance.now()
  for (let n = 0; n < EVALUATIONS_PER_ROUND; n++) policy.evaluate('p/x', input)
  return ((performance.now() - begin) * US_PER_MS) / EVALUATIONS_PER_ROUND
}

/** OPA's interpreter on the same rules; it is compiled once, and asked for a second. */
async function askOpa(shape: RuleShape): Promise<Cost> {
  await using scratch = temporaryDirectory()
  const rego = `package p\n\n${shape.rules(MANY)}`
  const inputs = { 'hit.json': shape.hit(MANY), 'miss.json': shape.miss }
  writeFiles(scratch.path, { 'p.rego': rego })
  for (const [name, input] of Object.entries(inputs)) {
    writeFiles(scratch.path, { [name]: JSON.stringify(input) })
  }
  const asked = async (input: string) => {
    const flags = ['bench', '--format', 'json', '-d', 'p.rego', '-i', input, 'data.p.x']
    const { stdout } = await run(await opaBinary(), flags, {
      cwd: scratch.path,
      timeout: BUILD_TIMEOUT_MS,
    })
    const { N, T } = JSON.parse(stdout)
    return T / N / NS_PER_US
  }
  return [await asked('hit.json'), await asked('miss.json')]
}

function pair([hit, miss]: Cost): string {
  return `${rounded(hit)} / ${rounded(miss)}`
}

function rounded(us: number): string {
  return us.toFixed(us < 10 ? 1 : 0)
}

function nameOf({ name }: RuleShape): string {
  return name
}

function print(cells: readonly string[]): void {
  process.stdout.write(`| ${cells.join(' | ')} |\n`)
}
