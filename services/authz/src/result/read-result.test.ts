import { expect, test } from 'vitest'
import { readResult } from './read-result.ts'

const ALLOWED = {
  allowed: true,
  detailed: true,
  headers: [],
  responseHeaders: [],
  headersToRemove: [],
  queryToSet: [],
  queryToRemove: [],
  status: 200,
  body: undefined,
  metadata: undefined,
  reason: 'allowed',
}
const DENIED = { ...ALLOWED, allowed: false, status: 403, reason: 'denied' }

test('a boolean is a decision', () => {
  expect(readResult(true)).toEqual({ ...ALLOWED, detailed: false })
  expect(readResult(false)).toEqual({ ...DENIED, detailed: false })
})

test.each([
  ['nothing else', {}, {}],
  [
    'headers',
    { headers: { b: '2', a: '1' } },
    {
      headers: [
        ['a', '1'],
        ['b', '2'],
      ],
    },
  ],
  [
    'values',
    { headers: { a: ['1', '2'] } },
    {
      headers: [
        ['a', '1'],
        ['a', '2'],
      ],
    },
  ],
  [
    'an array of headers',
    { headers: [{ b: '1' }, { a: ['2', '3'] }, {}] },
    {
      headers: [
        ['b', '1'],
        ['a', '2'],
        ['a', '3'],
      ],
    },
  ],
  [
    'headers for the client',
    { response_headers_to_add: { a: '1' } },
    { responseHeaders: [['a', '1']] },
  ],
  ['headers to remove', { request_headers_to_remove: ['a'] }, { headersToRemove: ['a'] }],
  [
    'a query',
    { query_parameters_to_set: { a: ['1', '2'] } },
    {
      queryToSet: [
        ['a', '1'],
        ['a', '2'],
      ],
    },
  ],
  ['a query to remove', { query_parameters_to_remove: ['a'] }, { queryToRemove: ['a'] }],
  ['metadata', { dynamic_metadata: { a: { b: 1 } } }, { metadata: { a: { b: 1 } } }],
  ['a reason', { reason: 'because' }, { reason: 'because' }],
  ['a reason of another type', { reason: { code: 1 } }, {}],
  ['an empty reason', { reason: '' }, {}],
  ['a status, which is for denials', { http_status: 600 }, {}],
  ['a body, which is for denials', { body: 5 }, {}],
  ['a key that nobody knows', { colour: 'red' }, {}],
  [
    'append actions',
    {
      headers: { a: { value: ['1', '2'], append_action: 'append_if_exists_or_add' } },
      response_headers_to_add: { b: { value: '3', append_action: 'overwrite_if_exists' } },
    },
    {
      headers: [
        ['a', '1', 'append_if_exists_or_add'],
        ['a', '2', 'append_if_exists_or_add'],
      ],
      responseHeaders: [['b', '3', 'overwrite_if_exists']],
    },
  ],
  ['a value alone', { headers: { a: { value: '1' } } }, { headers: [['a', '1']] }],
  [
    'a header in our name that overwrites',
    { headers: { 'x-verdict-a': { value: '1', append_action: 'overwrite_if_exists_or_add' } } },
    { headers: [['x-verdict-a', '1', 'overwrite_if_exists_or_add']] },
  ],
  ['whitespace around a value', { headers: { a: ' \t1 2\t ' } }, { headers: [['a', '1 2']] }],
  [
    'an escaped query',
    { query_parameters_to_set: { 'a[]': 'x%20y+z/?=' } },
    { queryToSet: [['a[]', 'x%20y+z/?=']] },
  ],
] as const)('an allowance with %s is read', (_name, decision, expected) => {
  expect(readResult({ allowed: true, ...decision })).toEqual({ ...ALLOWED, ...expected })
})

test.each([
  ['nothing else', {}, {}],
  ['headers', { headers: { a: '' } }, { headers: [['a', '']] }],
  ['a body', { body: 'no' }, { body: 'no' }],
  ['a status', { http_status: 429 }, { status: 429 }],
  ['metadata', { dynamic_metadata: {} }, { metadata: {} }],
  ['a reason', { reason: 'not_yours' }, { reason: 'not_yours' }],
  [
    'headers of the connection, which Envoy and Node write themselves',
    { headers: { 'content-length': '9', host: 'a' } },
    {
      headers: [
        ['content-length', '9'],
        ['host', 'a'],
      ],
    },
  ],
  [
    'an append action',
    { headers: { a: { value: '1', append_action: 'add_if_absent' } } },
    { headers: [['a', '1', 'add_if_absent']] },
  ],
  ['headers for the client, which are for allowances', { response_headers_to_add: 1 }, {}],
  ['headers to remove, which are for allowances', { request_headers_to_remove: 1 }, {}],
  ['a query, which is for allowances', { query_parameters_to_set: 1 }, {}],
  ['a query to remove, which is for allowances', { query_parameters_to_remove: 1 }, {}],
] as const)('a denial with %s is read', (_name, decision, expected) => {
  expect(readResult({ allowed: false, ...decision })).toEqual({ ...DENIED, ...expected })
})

test('no decision is not a denial', () => {
  expect(() => readResult(undefined)).toThrow(
    expect.objectContaining({ code: 'decision_undefined', message: 'undefined decision' }),
  )
})

test.each<[decision: unknown, why: string | RegExp]>([
  [null, 'response status: illegal value for policy evaluation result: <nil>'],
  [1, 'response status: illegal value for policy evaluation result: json.Number'],
  ['yes', 'response status: illegal value for policy evaluation result: string'],
  [[true], 'response status: illegal value for policy evaluation result: []interface {}'],
  [{}, 'response status: unable to determine evaluation result due to missing "allowed" key'],
  [{ allowed: 'true' }, /expected allowed to be of type 'boolean' but got 'string'/],
  [{ allowed: null }, /expected allowed to be of type 'boolean' but got '<nil>'/],
  [{ allowed: true, dynamic_metadata: [] }, /dynamic_metadata to be of type 'object'/],
  [{ allowed: false, body: 5 }, /body to be of type 'string' but got 'json.Number'/],
  [{ allowed: false, http_status: '403' }, /http_status to be of type 'number'/],
  [{ allowed: false, http_status: 600 }, 'response http status: invalid HTTP status code 600'],
  [{ allowed: false, http_status: 403.5 }, /invalid HTTP status code 403.5/],
])('%j is no decision', (decision, why) => {
  const message = typeof why === 'string' ? `failed to get ${why}` : expect.stringMatching(why)
  expect(() => readResult(decision)).toThrow(
    expect.objectContaining({ code: 'decision_invalid', message }),
  )
})
