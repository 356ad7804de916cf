import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { startBus, startDecisionPoint, startIdentityResponder } from '@verdict/kit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Answer, ParityClient } from './parity-client.ts'

/** What opa-envoy-plugin was asked, and what it said; see README.md. */
const { cases } = JSON.parse(
  readFileSync(join(import.meta.dirname, 'fixtures/ext-authz-parity.json'), 'utf8'),
) as { cases: readonly Case[] }

interface Case {
  readonly name: string
  /** The rule that is asked. */
  readonly policy: string
  readonly request: object
  readonly answer: Answer
}

/** The policies that the plugin had. */
const POLICIES = {
  'held.rego': `package held

echo := {"allowed": false, "body": json.marshal(input)}

verbatim := json.unmarshal(input.attributes.request.http.headers["x-decision"])

default yes := false

yes if input.parsed_path[0] == "yes"

undefined_decision if input.parsed_path == "never"

nothing_here if input.parsed_path == "never"
`,
}

/**
 * Where ours differs on purpose. Whatever the plugin can't decide is a failed call with the status
 * UNKNOWN there; ours is UNAVAILABLE, which clients may try again, and its message begins with the
 * stable code of the fault. The texts are the plugin's.
 */
const FAULTS: Readonly<Record<string, string>> = {
  'undefined decision': 'decision_undefined',
  'failed to get': 'decision_invalid',
}
const UNKNOWN = 2
const UNAVAILABLE = 14

const clients = new Map<string, ParityClient>()
const resources = new AsyncDisposableStack()

beforeAll(async () => {
  const bus = resources.use(await startBus())
  resources.use(await startIdentityResponder(bus))
  for (const entrypoint of new Set(cases.map(({ policy }) => policy))) {
    const options = { bus, policies: POLICIES, entrypoint }
    const point = resources.use(await startDecisionPoint(options))
    clients.set(entrypoint, resources.use(new ParityClient(point.grpcPort)))
  }
})

afterAll(async () => {
  await resources.disposeAsync()
})

test('the fixture is whole, and the differences are as many as they were', () => {
  expect(cases).toHaveLength(131)
  expect(cases.filter(({ answer }) => 'error' in answer)).toHaveLength(21)
})

test('ours says who calls', async () => {
  const asked = cases.find(({ policy }) => policy === 'held/echo')
  const answer = await clients.get('held/echo')?.check(asked?.request ?? {})
  const body = answer && 'denied_response' in answer ? answer.denied_response.body : ''
  expect(JSON.parse(body ?? '')).toMatchObject({ identity: { status: 'anonymous' } })
})

test.each(cases)('$name', async ({ policy, request, answer }) => {
  const ours = await clients.get(policy)?.check(request)
  expect(withoutIdentity(ours)).toEqual(withoutIdentity(expectedOf(answer)))
})

function expectedOf(answer: Answer): Answer {
  if (!('error' in answer)) return answer
  expect(answer.error).toBe(UNKNOWN)
  const [, code] = Object.entries(FAULTS).find(([text]) => answer.details.startsWith(text)) ?? []
  expect(code, `a code for \`${answer.details}\``).toBeDefined()
  return { error: UNAVAILABLE, details: `${code}: ${answer.details}` }
}

/** Bodies that echo the input are compared as JSON, without `identity`, which only ours has. */
function withoutIdentity(answer: Answer | undefined): unknown {
  if (answer === undefined || !('denied_response' in answer)) return answer
  const { body } = answer.denied_response
  if (!body?.startsWith('{')) return answer
  const { identity, ...input } = JSON.parse(body)
  return { ...answer, denied_response: { ...answer.denied_response, body: input } }
}
