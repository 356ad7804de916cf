import { type DecisionRecord, encodeRecord, type Identity } from '@verdict/contract'
import { expect, test } from 'vitest'
import { Decider } from './decide.ts'
import { responseOf } from './envoy/check-response.ts'
import type { DecisionRequest } from './request.ts'

const REVISION = 'a'.repeat(64)
const METADATA = { shown: 'yes' }
const DENIAL = {
  allowed: false,
  reason: 'no_rule',
  http_status: 404,
  headers: { 'x-a': 'b' },
  body: 'no',
  dynamic_metadata: METADATA,
}

/** Decides one request; the record is the text that the journal was given. */
async function decide(decision: unknown, identity: Identity, dryRun: boolean, headers = {}) {
  const lines: string[] = []
  const evaluate = (): unknown => decision
  const decider = new Decider({
    identifier: { identify: () => identity },
    policy: () => ({
      policy: {
        revision: REVISION,
        entrypoints: [],
        spent: 0,
        remembered: false,
        labels: [],
        inputText: undefined,
        evaluate,
      },
      revision: REVISION,
      entrypoint: 'a/b',
    }),
    journal: {
      append: async (encode) => {
        const position = { instance: 'i', epoch: 1, n: lines.length + 1 }
        lines.push(encode(position))
        return position
      },
    },
    requestsMax: 1,
    dryRun,
    events: { decided: () => {}, faulted: () => {}, evaluated: () => {}, ambiguous: () => {} },
  })
  const request: DecisionRequest = {
    protocol: 'envoy-grpc',
    attributes: { request: { http: { method: 'GET', path: '/', headers } } },
    receivedMs: performance.now(),
    verdictIsStatus: false,
  }
  const answer = await decider.decide(request, { gone: false })
  const record = JSON.parse(lines[0] ?? '') as DecisionRecord
  expect(lines).toEqual([encodeRecord(record, record)])
  return { answer, record }
}

const ALICE: Identity = { status: 'verified', subject: 'alice', issuer: 'i', claims: {} }

test('a denial is answered as an empty OK with its metadata, and recorded as it was', async () => {
  const { answer, record } = await decide(DENIAL, ALICE, true)
  expect(responseOf(answer)).toEqual({
    status: { code: 0 },
    okResponse: {
      headers: [],
      headersToRemove: [],
      responseHeadersToAdd: [],
      queryParametersToSet: [],
      queryParametersToRemove: [],
    },
    deniedResponse: undefined,
    dynamicMetadata: { ...METADATA, decision_id: record.id },
  })
  expect(answer).toMatchObject({ outcome: 'allow', status: 200 })
  expect(record).toMatchObject({ outcome: 'deny', reason: 'no_rule', status: 404, enforced: false })
})

test('a mere false, and a credential that is not valid, are let through too', async () => {
  const denied = await decide(false, ALICE, true)
  expect(denied.answer.outcome).toBe('allow')
  expect(denied.record).toMatchObject({ outcome: 'deny', enforced: false })
  const unknown = await decide(true, { status: 'invalid', reason: 'expired' }, true)
  expect(unknown.answer.result.allowed).toBe(true)
  expect(unknown.record).toMatchObject({ outcome: 'unauthenticated', enforced: false })
})

test('headers in our name are taken away from what is let through', async () => {
  const { answer } = await decide(DENIAL, ALICE, true, { 'x-verdict-role': 'admin' })
  expect(answer.headersToRemove).toEqual(['x-verdict-role'])
})

test('what the policy allows, and every decision without dry-run, is enforced', async () => {
  const allowed = await decide({ allowed: true, headers: { 'x-a': 'b' } }, ALICE, true)
  expect(allowed.answer.result.headers).toEqual([['x-a', 'b']])
  expect(allowed.record).not.toHaveProperty('enforced')
  const denied = await decide(DENIAL, ALICE, false)
  expect(denied.answer).toMatchObject({ outcome: 'deny', status: 404 })
  expect(denied.record).not.toHaveProperty('enforced')
})

test('a fault is no denial: it stays a fault', async () => {
  await expect(decide(undefined, ALICE, true)).rejects.toMatchObject({ code: 'decision_undefined' })
})
