import { rmSync } from 'node:fs'
import {
  CheckClient,
  type CheckResponse,
  Cluster,
  recordedDecision,
  temporaryDirectory,
  waitFor,
  writeFiles,
} from '@verdict/kit'
import { afterAll, beforeAll, expect, test } from 'vitest'

/** A folder of one's own, written for opa-envoy-plugin, behind `verdict dev --policies`. */

const SOON_MS = 15_000

const POLICY = `package app.authz

import rego.v1

default allow := false

allow if {
  input.attributes.request.http.method == "GET"
  some name in data.people
  input.parsed_path == ["people", name]
}
`

const resources = new AsyncDisposableStack()
let cluster: Cluster
let client: CheckClient
let folder: string

beforeAll(async () => {
  folder = resources.use(temporaryDirectory()).path
  writeFiles(folder, { 'policy.rego': POLICY, 'data.json': '{"people": ["ada"]}' })
  cluster = resources.use(await Cluster.start({ policies: folder, entrypoint: 'app/authz/allow' }))
  client = resources.use(new CheckClient(cluster.port('authzGrpc')))
}, 90_000)
afterAll(async () => {
  await resources[Symbol.asyncDispose]()
}, 60_000)

async function ask(path: string): Promise<CheckResponse> {
  return await client.check({ request: { http: { method: 'GET', path, host: 'app' } } })
}

/** Code 0, which protobuf leaves out; 7 is a denial. */
function isAllowed({ status }: CheckResponse): boolean {
  return (status.code ?? 0) === 0
}

test('it decides unchanged, and every decision is on the record', async () => {
  const allowed = await ask('/people/ada')
  expect(isAllowed(allowed)).toBe(true)
  const id = allowed.dynamic_metadata?.fields['decision_id']?.stringValue
  expect(await recordedDecision(cluster, id)).toMatchObject({
    outcome: 'allow',
    request: { method: 'GET', path: '/people/ada', host: 'app' },
    policy: { entrypoint: 'app/authz/allow' },
    identity: { status: 'anonymous' },
  })
  expect(isAllowed(await ask('/people/bob'))).toBe(false)
})

test('a change is active at once, and the terminal says so', async () => {
  writeFiles(folder, { 'data.json': '{"people": ["ada", "bob"]}' })
  await waitFor(async () => isAllowed(await ask('/people/bob')), {
    deadlineMs: SOON_MS,
    what: 'the new data to decide',
  })
  await waitFor(() => cluster.output.includes('a policy is active'), {
    deadlineMs: SOON_MS,
    what: 'the terminal to say so',
  })
})

test('a policy that does not compile, or fails its tests, changes nothing', async () => {
  writeFiles(folder, { 'broken.rego': 'package app.authz\n\nallow if {' })
  await waitFor(() => cluster.output.includes('broken.rego:3'), {
    deadlineMs: SOON_MS,
    what: "the compiler's message in the terminal",
  })
  expect(isAllowed(await ask('/people/bob'))).toBe(true)
  rmSync(`${folder}/broken.rego`)
  writeFiles(folder, {
    'data.json': '{"people": []}',
    'policy_test.rego': 'package app.authz\n\ntest_ada if "ada" in data.people\n',
  })
  await waitFor(() => cluster.output.includes('test_ada'), {
    deadlineMs: SOON_MS,
    what: 'the failed test in the terminal',
  })
  expect(isAllowed(await ask('/people/ada'))).toBe(true)
})
