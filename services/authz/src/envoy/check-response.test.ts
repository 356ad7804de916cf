import { create, fromBinary } from '@bufbuild/protobuf'
import { expect, test } from 'vitest'
import type { Answer, Decider } from '../decide.ts'
import { AuthzError, type AuthzErrorCode } from '../errors.ts'
import { readResult } from '../result/read-result.ts'
import { checkHandler, type FaultForm } from './check.ts'
import { responseOf } from './check-response.ts'
import { CheckResponseSchema } from './gen/envoy/service/auth/v3/external_auth_pb.ts'

const ID = '01a20552-4f9b-73c0-b960-a929ac206ebf' as Answer['id']
const OVERWRITE = 2

function responseTo(decision: unknown) {
  const result = readResult(decision)
  const outcome = result.allowed ? 'allow' : 'deny'
  const { status, headersToRemove } = result
  return responseOf({ id: ID, outcome, result, status, headersToRemove, unreadable: false })
}

/** The CheckResponse to a fault, or the failed call. */
async function faulted(code: AuthzErrorCode, faults?: FaultForm, decisionId?: Answer['id']) {
  const decider: Pick<Decider, 'decide'> = {
    decide: async () => {
      throw new AuthzError(code, 'why', decisionId === undefined ? {} : { decisionId })
    },
  }
  const handler = checkHandler(decider, { questionRefused: () => {} }, faults)
  const bytes = await handler(new Uint8Array(), { gone: false })
  return fromBinary(CheckResponseSchema, bytes)
}

test('of a request header it is said that it overwrites, and its values are one', () => {
  const headers = [{ 'X-A': ['1', '2'], cookie: ['a=1', 'b=2'] }, { 'x-a': '3' }]
  expect(responseTo({ allowed: true, headers })['okResponse']).toMatchObject({
    headers: [
      { header: { key: 'x-a', value: '1, 2, 3' }, appendAction: OVERWRITE },
      { header: { key: 'cookie', value: 'a=1; b=2' }, appendAction: OVERWRITE },
    ],
  })
})

test('of a response header the action is said where there is one, or it is in our name', () => {
  const added = {
    'x-a': ['1', '2'],
    'x-b': { value: '3', append_action: 'append_if_exists_or_add' },
    'x-c': { value: '4', append_action: 'add_if_absent' },
    'x-d': { value: '5', append_action: 'overwrite_if_exists_or_add' },
    'x-e': { value: '6', append_action: 'overwrite_if_exists' },
    'x-verdict-f': '7',
  }
  const response = responseTo({ allowed: true, response_headers_to_add: added })
  expect(response['okResponse']).toMatchObject({
    responseHeadersToAdd: [
      { header: { key: 'x-a', value: '1' } },
      { header: { key: 'x-a', value: '2' } },
      { header: { key: 'x-b', value: '3' }, appendAction: 0 },
      { header: { key: 'x-c', value: '4' }, appendAction: 1 },
      { header: { key: 'x-d', value: '5' }, appendAction: OVERWRITE },
      { header: { key: 'x-e', value: '6' }, appendAction: 3 },
      { header: { key: 'x-verdict-f', value: '7' }, appendAction: OVERWRITE },
    ],
  })
})

test('an obligation is a denial with its status', () => {
  const obligations = { rate_limit: { retry_after: 5 } }
  expect(responseTo({ allowed: false, obligations })).toMatchObject({
    status: { code: 7 },
    deniedResponse: {
      status: { code: 429 },
      headers: [
        { header: { key: 'retry-after', value: '5' } },
        { header: { key: 'content-type', value: 'application/json' } },
      ],
    },
  })
})

test('a fault is a failed call, unless error_response is asked for', async () => {
  for (const faults of [undefined, 'failed_call'] as const) {
    await expect(faulted('policy_failed', faults)).rejects.toMatchObject({ code: 'unavailable' })
  }
  const response = await faulted('policy_failed', 'error_response', ID)
  const header = (key: string, value: string) => ({ header: { key, value } })
  expect(response).toEqual(
    create(CheckResponseSchema, {
      status: { code: 14, message: 'policy_failed: why' },
      httpResponse: {
        case: 'errorResponse',
        // Without a status: `status_on_error` says it.
        value: {
          headers: [
            header('content-type', 'application/json'),
            header('x-verdict-reason', 'policy_failed'),
            header('x-verdict-decision-id', ID),
          ],
          body: '{"error":{"code":"policy_failed","message":"why"}}',
        },
      },
      dynamicMetadata: { decision_id: ID },
    }),
  )
})

test.each([
  ['overloaded', 8, '1'],
  ['deadline_exceeded', 4, undefined],
  ['question_malformed', 3, undefined],
  ['record_failed', 14, undefined],
] as const)('%s has the same status in both forms', async (code, status, retryAfter) => {
  const { status: told, httpResponse, dynamicMetadata } = await faulted(code, 'error_response')
  expect(told?.code).toBe(status)
  expect(httpResponse.case).toBe('errorResponse')
  const headers = httpResponse.case === 'errorResponse' ? httpResponse.value.headers : []
  const found = headers.find(({ header }) => header?.key === 'retry-after')
  expect(found?.header?.value).toBe(retryAfter)
  expect(dynamicMetadata).toBeUndefined()
})
