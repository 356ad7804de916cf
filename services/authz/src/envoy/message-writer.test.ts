import { create, fromBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { CheckResponseSchema } from './gen/envoy/service/auth/v3/external_auth_pb.ts'
import { StatusCode } from './gen/envoy/type/v3/http_status_pb.ts'
import { messageWriter } from './message-writer.ts'

const write = messageWriter(CheckResponseSchema)

test('the library reads what was written', () => {
  const header = (key: string, value: string) => ({ header: { key, value } })
  const okResponse = {
    headers: [header('x-a', '1'), header('x-a', 'zwei ü'), header('x-empty', '')],
    headersToRemove: ['b', ''],
    responseHeadersToAdd: [header('x-r', 'y'.repeat(500))],
    queryParametersToSet: [{ key: 'q', value: '1' }],
    queryParametersToRemove: ['p'],
  }
  const dynamicMetadata = { decision_id: 'x', deep: { list: [1, 'a', null, true, [], {}] } }
  const bytes = write({ status: { code: 0 }, okResponse, dynamicMetadata })
  expect(fromBinary(CheckResponseSchema, bytes)).toEqual(
    create(CheckResponseSchema, {
      status: {},
      httpResponse: { case: 'okResponse', value: okResponse },
      dynamicMetadata,
    }),
  )
})

test('a denial has its status', () => {
  const deniedResponse = {
    status: { code: StatusCode.TooManyRequests },
    headers: [],
    body: 'später',
  }
  const bytes = write({ status: { code: 7, message: 'no' }, deniedResponse, okResponse: undefined })
  expect(fromBinary(CheckResponseSchema, bytes)).toEqual(
    create(CheckResponseSchema, {
      status: { code: 7, message: 'no' },
      httpResponse: { case: 'deniedResponse', value: deniedResponse },
    }),
  )
})

test('a name that the message does not have is a fault', () => {
  expect(() => write({ colour: 'red' })).toThrow('has no field `colour`')
  expect(() => write({ status: { code: 1, colour: 'red' } })).toThrow('has no field `colour`')
  // What was begun leaves nothing behind.
  expect(fromBinary(CheckResponseSchema, write({ status: { code: 7 } })).status?.code).toBe(7)
})

test('any metadata and any text of a policy is read back', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.string({ unit: 'grapheme' }), (value, text) => {
      const bytes = write({ dynamicMetadata: { value, text }, deniedResponse: { body: text } })
      const read = fromBinary(CheckResponseSchema, bytes)
      expect(JSON.parse(JSON.stringify(read.dynamicMetadata))).toEqual(
        JSON.parse(JSON.stringify({ value, text })),
      )
      expect(read.httpResponse).toMatchObject({ case: 'deniedResponse', value: { body: text } })
    }),
  )
})
