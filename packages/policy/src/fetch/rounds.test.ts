import { expect, test, vi } from 'vitest'
import { asking, fetchingBundle, opaAnswer, startService } from '../../test/services-under-test.ts'
import { FETCH_ROUNDS_MAX } from './fetching-policy.ts'
import { FETCH_QUESTIONS_MAX } from './inquiry.ts'

vi.setConfig({ testTimeout: 60_000 })

/** A rule that follows a chain of answers, each of which names the next. */
function chain(name: string, length: number): string {
  const steps = Array.from({ length }, (_, at) => {
    const url = at === 0 ? 'input.url' : `s${at - 1}`
    return `\ts${at} := http.send({"method": "GET", "url": ${url}}).body.next`
  })
  return `${name} := s${length - 1} if {\n${steps.join('\n')}\n}\n\n`
}

const REGO = `
all := [r.body.n | some url in input.urls; r := http.send({"method": "GET", "url": url})]

twice := [get(input.url).body.n, get(input.url).body.n]

get(url) := http.send({"method": "GET", "url": url})

fallback := "first" if {
	get(input.url).body.n == 1
} else := http.send({"method": "POST", "url": input.url}).status_code

unless if not get(input.url).body.n == 1

posts := [a, b] if {
	a := http.send({"method": "POST", "url": input.url, "body": 1}).body.n
	b := http.send({"method": "POST", "url": input.url, "body": 2}).body.n
}

all_posts := [r.body.n |
	some n in numbers.range(1, 3)
	r := http.send({"method": "POST", "url": input.url, "body": n})
]

once := [u, r.body.next] if {
	u := uuid.rfc4122("a")
	print("asks for", u)
	t := io.jwt.encode_sign({"alg": "ES256"}, {"n": time.now_ns()}, input.key)
	r := http.send({"method": "GET", "url": concat("", [input.url, "?", u, t])})
}

conflict := 1 if get(input.url).body.n == 1

conflict := 2 if not get(input.url).body.n == 3

plain := input.n + 1

${chain('long', FETCH_ROUNDS_MAX)}${chain('longer', FETCH_ROUNDS_MAX + 1)}`

const RULES = [
  ...['all', 'twice', 'fallback', 'unless', 'posts', 'all_posts', 'once', 'conflict', 'plain'],
  ...['long', 'longer'],
]
const bundle = await fetchingBundle(
  REGO,
  RULES.map((rule) => `p/${rule}`),
)

/** Answers with the number at the end of the path, and with the URL that has the next one. */
async function counting() {
  const service = await startService((request, response) => {
    const n = Number(/(\d+)(?:\?.*)?$/.exec(request.url ?? '')?.[1] ?? 0)
    const next = `http://${request.headers.host}/${n + 1}`
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ n, next }))
  })
  return { service, ask: await asking(bundle, [`127.0.0.1:${service.port}`]) }
}

test('what can be asked at the same time is asked in one round, and answered as by OPA', async () => {
  const { service, ask } = await counting()
  await using _ = service
  const turns: number[] = []
  const turn = <T>(evaluate: () => T): T => {
    turns.push(service.asked.length)
    return evaluate()
  }
  const urls = Array.from({ length: FETCH_QUESTIONS_MAX }, (_, n) => `${service.url}/${n}`)
  const answer = await ask('all', { urls }, { turn })
  expect(answer).toMatchObject({ fetched: FETCH_QUESTIONS_MAX })
  expect(turns).toEqual([FETCH_QUESTIONS_MAX])
  expect(answer.value).toEqual(await opaAnswer(REGO, 'all', { urls }))
})

test('the same request is sent once for an evaluation, and again for the next', async () => {
  const { service, ask } = await counting()
  await using _ = service
  const input = { url: `${service.url}/7` }
  expect(await ask('twice', input)).toMatchObject({ value: [7, 7], fetched: 1 })
  expect(service.asked).toEqual(['GET /7'])
  await ask('twice', input)
  expect(service.asked).toHaveLength(2)
})

test('what changes something is sent only where the answers before it lead there', async () => {
  const { service, ask } = await counting()
  await using _ = service
  expect((await ask('fallback', { url: `${service.url}/1` })).value).toBe('first')
  expect(service.asked).toEqual(['GET /1'])
  expect((await ask('fallback', { url: `${service.url}/2` })).value).toBe(200)
  expect(service.asked).toEqual(['GET /1', 'GET /2', 'POST /2'])
  for (const n of [1, 2]) {
    const input = { url: `${service.url}/${n}` }
    expect((await ask('unless', input)).value).toEqual(await opaAnswer(REGO, 'unless', input))
  }
})

test('what changes something is sent once each, one after the other', async () => {
  const { service, ask } = await counting()
  await using _ = service
  const url = `${service.url}/3`
  expect(await ask('posts', { url })).toMatchObject({ value: [3, 3], fetched: 2 })
  expect(await ask('all_posts', { url })).toMatchObject({ value: [3, 3, 3], fetched: 3 })
  expect(service.asked).toEqual(Array(5).fill('POST /3'))
})

test('what is made once for an evaluation is the same in all of its rounds', async () => {
  const { service, ask } = await counting()
  await using _ = service
  const key = {
    ...{ kty: 'EC', crv: 'P-256', x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU' },
    y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
    d: 'jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI',
  }
  const lines: string[] = []
  const print = (line: string) => lines.push(line)
  const { value, fetched } = await ask('once', { url: `${service.url}/1`, key }, { print })
  expect(fetched).toBe(1)
  expect(value).toEqual([expect.stringMatching(/^[0-9a-f-]{36}$/), `${service.url}/2`])
  expect(lines.length).toBeLessThanOrEqual(1)
})

test('an error of an evaluation counts once nothing is missing', async () => {
  const { service, ask } = await counting()
  await using _ = service
  await expect(ask('conflict', { url: `${service.url}/1` })).rejects.toMatchObject({
    code: 'evaluation_failed',
  })
  expect((await ask('conflict', { url: `${service.url}/2` })).value).toBe(2)
  expect((await ask('conflict', { url: `${service.url}/3` })).value).toBeUndefined()
})

test('answers may lead to new questions so often, and not once more', async () => {
  const { service, ask } = await counting()
  await using _ = service
  const input = { url: `${service.url}/0` }
  const { value, fetched } = await ask('long', input)
  expect({ value, fetched }).toEqual({ value: `${service.url}/8`, fetched: FETCH_ROUNDS_MAX })
  await expect(ask('longer', input)).rejects.toMatchObject({ code: 'fetch_rounds_exceeded' })
})

test('an evaluation that asks too much has no answer', async () => {
  const { service, ask } = await counting()
  await using _ = service
  const urls = Array.from({ length: FETCH_QUESTIONS_MAX + 1 }, (_, n) => `${service.url}/${n}`)
  await expect(ask('all', { urls })).rejects.toMatchObject({ code: 'fetch_questions_exceeded' })
  expect(service.asked).toHaveLength(FETCH_QUESTIONS_MAX)
})
