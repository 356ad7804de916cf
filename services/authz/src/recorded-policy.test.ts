import { type DecisionRecord, parseJournalLine } from '@verdict/contract'
import { opaBinary, temporaryDirectory, writeFiles } from '@verdict/kit'
import { buildBundle, loadPolicy } from '@verdict/policy'
import { expect, test, vi } from 'vitest'
import { Decider, type DeciderOptions } from './decide.ts'
import type { DecidingPolicy } from './evaluate.ts'

vi.setConfig({ testTimeout: 60_000 })

const REGO = `package p

headers := input.attributes.request.http.headers

# METADATA
# title: customers read
allow if {
	headers["x-role"] == "customer"
	headers.authorization
}

# METADATA
# title: everybody reads the news
allow if input.parsed_path[0] == "news"

allow := 1 if input.parsed_path[0] == "conflict"
`
const TOKEN = 'Bearer abc.def.ghi'
const POSITION = { instance: 'authz-test', epoch: 1, n: 1 }

async function policyOf(rego: string): Promise<DecidingPolicy> {
  await using scratch = temporaryDirectory()
  const sources = `${scratch.path}/policies`
  writeFiles(sources, { 'p.rego': rego })
  const opa = await opaBinary()
  const entrypoints = ['p/allow']
  const bundle = await buildBundle({ opa, sources, entrypoints, cacheDir: scratch.path })
  return { policy: await loadPolicy(bundle), revision: bundle.revision }
}

const deciding = await policyOf(REGO)

/** What is on record of the policy's part in the decision about a request. */
async function recorded(
  http: object,
  options: Partial<DeciderOptions> = {},
  facts: Partial<DecidingPolicy> = {},
): Promise<DecisionRecord['policy']> {
  const lines: string[] = []
  const decider = new Decider({
    identifier: { identify: () => ({ status: 'anonymous' }) },
    policy: () => ({ ...deciding, ...facts, entrypoint: 'p/allow' }),
    journal: {
      append: (encode) => {
        lines.push(`${'a'.repeat(43)} ${encode(POSITION)}`)
        return Promise.resolve(POSITION)
      },
    },
    requestsMax: 1,
    events: {
      decided: () => undefined,
      faulted: () => undefined,
      evaluated: () => undefined,
      ambiguous: () => undefined,
    },
    ...options,
  })
  const request = {
    protocol: 'http',
    attributes: { request: { http: { method: 'GET', path: '/', ...http } } },
    receivedMs: performance.now(),
    verdictIsStatus: false,
  } as const
  await decider.decide(request, { gone: false }).catch(() => undefined)
  return (parseJournalLine(lines[0] ?? '').record as DecisionRecord).policy
}

const CUSTOMER = { authorization: TOKEN, 'x-role': 'customer', 'x-other': 'o' }

test('the rules that held and the input are on record, without the token', async () => {
  const policy = await recorded({ headers: CUSTOMER, path: '/news' })
  expect(policy).toEqual({
    entrypoint: 'p/allow',
    input: expect.any(String),
    revision: deciding.revision,
    rules: ['customers read', 'everybody reads the news'],
    units: expect.any(Number),
  })
  expect(JSON.parse(policy.input ?? '')).toEqual({
    attributes: {
      request: { http: { headers: { authorization: '[masked]', 'x-role': 'customer' } } },
    },
    parsed_path: ['news'],
  })
})

test('what was remembered is on record as when it was evaluated', async () => {
  const asked = { headers: CUSTOMER, path: '/twice' }
  const first = await recorded(asked)
  expect(await recorded({ ...asked, method: 'PUT' })).toEqual(first)
  expect(deciding.policy.remembered).toBe(true)
})

test('where no rule with a label held there are none, nor an input where it is off', async () => {
  const policy = await recorded({ headers: {} }, { recordInput: false })
  expect(policy).toEqual({
    entrypoint: 'p/allow',
    revision: deciding.revision,
    units: expect.any(Number),
  })
})

test('the bundle and the revision of its data are on record where there are any', async () => {
  const facts = { bundle: 'shop', data: { revision: 7 } }
  expect(await recorded({}, {}, facts)).toMatchObject({ bundle: 'shop', dataRevision: 7 })
  const none = await recorded({}, {}, { bundle: 'shop', data: { revision: undefined } })
  expect(none).not.toHaveProperty('dataRevision')
})

test('a policy that fails has its input on record', async () => {
  const policy = await recorded({ headers: CUSTOMER, path: '/conflict' })
  expect(policy).toEqual({
    entrypoint: 'p/allow',
    input: expect.stringContaining('["conflict"]'),
    revision: deciding.revision,
  })
})

test('an input that is never written leaves nothing of the one before it', async () => {
  await recorded({ headers: CUSTOMER })
  const headers = { 'x-role': 1n }
  expect(await recorded({ headers })).toEqual({
    entrypoint: 'p/allow',
    revision: deciding.revision,
  })
})

test('a long input is left out, however much of it is a credential', async () => {
  const long = 'a'.repeat(7_000)
  const masked = await recorded({ headers: { ...CUSTOMER, authorization: long }, path: `/${long}` })
  expect(masked.input).toContain(long)
  const omitted = { inputOmitted: true, rules: ['customers read'] }
  const twice = await recorded({ headers: CUSTOMER, path: `/${long}${long}` })
  const thrice = await recorded({ headers: CUSTOMER, path: `/${long}${long}${long}` })
  for (const policy of [twice, thrice]) {
    expect(policy).toMatchObject(omitted)
    expect(policy).not.toHaveProperty('input')
  }
})
