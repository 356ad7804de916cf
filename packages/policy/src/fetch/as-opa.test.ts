import { expect, test, vi } from 'vitest'
import {
  asking,
  fetchingBundle,
  opaAnswer,
  type Service,
  startService,
} from '../../test/services-under-test.ts'

vi.setConfig({ testTimeout: 60_000 })

const RULES = 60
const PATHS = 5
const SEED = 20_260_731

/** The same numbers below `n` at each run. */
function dice(seed: number): (n: number) => number {
  let state = seed
  return (n) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return (state >>> 16) % n
  }
}

/** Rules whose requests depend on the answers of others, in all ways that rules have. */
function randomRego(): string {
  const below = dice(SEED)
  const rules = Array.from({ length: RULES }, (_, at) => {
    const get = () => `get(${below(PATHS)})`
    const post = () => `post(${at}, ${below(PATHS)})`
    const asked = () => [get, get, () => `get(${get()})`, post][below(4)]?.() ?? ''
    const conditions = [
      () => `${asked()} > ${below(PATHS)}`,
      () => `not ${asked()} > ${below(PATHS)}`,
      () => `count([n | some n in [0, ${below(PATHS)}, 4]; get(n) > ${below(PATHS)}]) > 1`,
      () => `every n in [1, ${below(PATHS)}] { get(n) != ${below(PATHS)} }`,
    ]
    const condition = () => conditions[below(conditions.length)]?.()
    const first = `r${at} := [1, ${asked()}] if {\n\t${condition()}\n\t${condition()}\n}`
    return `${first} else := [2, ${asked()}] if {\n\t${condition()}\n} else := ${post()}`
  })
  return `get(n) := http.send({"method": "GET", "url": sprintf("%s/%d", [input.url, n])}).body

post(rule, n) := http.send({
	"method": "POST",
	"url": sprintf("%s/%d/%d", [input.url, rule, n]),
}).body

${rules.join('\n\n')}
`
}

async function startNumbers(): Promise<Service> {
  return await startService((request, response) => {
    const n = Number(/\d+$/.exec(request.url ?? '')?.[0])
    response.setHeader('content-type', 'application/json').end(String((n * 7 + 3) % PATHS))
  })
}

function posts({ asked }: Service): string[] {
  return asked.filter((line) => line.startsWith('POST')).toSorted()
}

test('rules that ask in turn answer as in OPA, and change what they change there', async () => {
  const rego = randomRego()
  const names = Array.from({ length: RULES }, (_, at) => `r${at}`)
  const bundle = await fetchingBundle(
    rego,
    names.map((name) => `p/${name}`),
  )
  await using forOpa = await startNumbers()
  await using forUs = await startNumbers()
  const asOpa = `{${names.map((name) => `"${name}": [v | v := ${name}]`).join(', ')}}`
  const opa = await opaAnswer(`${rego}\nall := ${asOpa}\n`, 'all', { url: forOpa.url })
  const ask = await asking(bundle, [`127.0.0.1:${forUs.port}`])
  const ours: Record<string, unknown[]> = {}
  let rounds = 0
  const turn = <T>(evaluate: () => T): T => {
    rounds++
    return evaluate()
  }
  for (const name of names) {
    const { value } = await ask(name, { url: forUs.url }, { turn })
    ours[name] = value === undefined ? [] : [value]
  }
  expect(ours).toEqual(opa)
  expect(posts(forUs)).toEqual(posts(forOpa))
  expect(posts(forUs).length).toBeGreaterThan(RULES / 4)
  expect(rounds).toBeGreaterThan(RULES * 2)
})
