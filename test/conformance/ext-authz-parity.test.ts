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
/** The plugin knows nothing of ambiguities; see docs/ambiguities.md. */
const AS_THE_PLUGIN = { VERDICT_AUTHZ_AMBIGUITIES: 'all=allow' }
const UNKNOWN = 2
const UNAVAILABLE = 14

/** What is answered otherwise unless ambiguities are allowed; README.md lists them, too. */
const REFUSED = ['/a%00b', '/a/%2e%2e/b', '/%ff']
const FLAGGED = {
  '//a': ['empty_segment'],
  '/a//b': ['empty_segment'],
  '/a%2fb/c': ['encoded_slash'],
  '/a/../b': ['dot_segment'],
  '/a?x=1#frag': ['fragment'],
  '*': ['asterisk_target'],
  'http://other/x/y?z=1': ['absolute_target', 'authority_mismatch'],
}

let cautious: ParityClient
const clients = new Map<string, ParityClient>()
const resources = new AsyncDisposableStack()

beforeAll(async () => {
  const bus = resources.use(await startBus())
  resources.use(await startIdentityResponder(bus))
  const careful = { bus, policies: POLICIES, entrypoint: 'held/echo' }
  const point = resources.use(await startDecisionPoint(careful))
  cautious = resources.use(new ParityClient(point.grpcPort))
  for (const entrypoint of new Set(cases.map(({ policy }) => policy))) {
    const options = { bus, policies: POLICIES, entrypoint, settings: AS_THE_PLUGIN }
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
  if ('ok_response' in answer) return joined(answer)
  if (!('error' in answer)) return answer
  expect(answer.error).toBe(UNKNOWN)
  const [, code] = Object.entries(FAULTS).find(([text]) => answer.details.startsWith(text)) ?? []
  expect(code, `a code for \`${answer.details}\``).toBeDefined()
  return { error: UNAVAILABLE, details: `${code}: ${answer.details}` }
}

interface HeaderOption {
  readonly header: { readonly key: string; readonly value?: string }
}

/**
 * Ours says that a request header overwrites, and sends several values of one as one: Envoy 1.40
 * keeps only the last of several, and later ones would append to what the client sent.
 */
function joined(answer: Answer & { readonly ok_response?: object }): Answer {
  const { headers, ...others } = (answer.ok_response ?? {}) as { headers?: HeaderOption[] }
  if (headers === undefined) return answer
  const byKey = Map.groupBy(headers, ({ header }) => header.key)
  const options = [...byKey].map(([key, given]) => {
    const value = given.map(({ header }) => header.value ?? '').join(', ')
    const header = value === '' ? { key } : { key, value }
    return { header, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' }
  })
  return { ...answer, ok_response: { ...others, headers: options } }
}

test('request headers differ in as many answers as they did', () => {
  const differing = cases.filter(({ answer }) => joined(answer) !== answer)
  expect(differing.map(({ name }) => name)).toEqual([
    'decide allow headers array',
    'decide allow headers array multi',
    'decide allow headers empty value',
  ])
})

test('by default the answers to ambiguous requests differ, and no others', async () => {
  const refused: string[] = []
  const flagged: Record<string, unknown> = {}
  for (const { name, policy, request, answer } of cases) {
    if (policy !== 'held/echo') continue
    const path = name.replace(/^echo path /, '')
    const ours = withoutIdentity(await cautious.check(request))
    const { body } = (ours as { denied_response: { body: unknown } }).denied_response
    if (typeof body === 'string' && body.startsWith('ambiguous_')) {
      refused.push(path)
      continue
    }
    const { ambiguities, ...input } = typeof body === 'object' ? Object(body) : {}
    if (ambiguities !== undefined) flagged[path] = ambiguities
    const { denied_response } = withoutIdentity(answer) as { denied_response: { body: unknown } }
    expect(typeof body === 'object' ? input : body).toEqual(denied_response.body)
  }
  expect(refused).toEqual(REFUSED)
  expect(flagged).toEqual(FLAGGED)
})

/** Bodies that echo the input are compared as JSON, without `identity`, which only ours has. */
function withoutIdentity(answer: Answer | undefined): unknown {
  if (answer === undefined || !('denied_response' in answer)) return answer
  const { body } = answer.denied_response
  if (!body?.startsWith('{')) return answer
  const { identity, ...input } = JSON.parse(body)
  return { ...answer, denied_response: { ...answer.denied_response, body: input } }
}
