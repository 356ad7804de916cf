import { expect, test } from 'vitest'
import { readAdvisory } from './advisories.ts'

const bytes = (body: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(body))
const API = { type: 'io.nats.jetstream.advisory.v1.api_audit', timestamp: '2026-11-23T07:00:00Z' }

test('a question that changes the stream is told with who asked it, and how it was refused', () => {
  const client = { user: 'UABC', name: 'nats CLI', host: '10.0.0.7', acc: 'RECORD', rtt: 17 }
  const error = { code: 500, err_code: 10052, description: 'can not cancel deny message deletes' }
  const advisory = readAdvisory(
    bytes({
      ...API,
      client,
      subject: '$JS.API.STREAM.UPDATE.DECISIONS',
      request: '{"deny_delete":false}',
      response: JSON.stringify({ type: 'io.nats.jetstream.api.v1.stream_update_response', error }),
    }),
  )
  expect(advisory).toEqual({
    type: API.type,
    at: API.timestamp,
    stream: 'DECISIONS',
    question: '$JS.API.STREAM.UPDATE.DECISIONS',
    request: '{"deny_delete":false}',
    refusal: JSON.stringify(error),
    by: { user: 'UABC', name: 'nats CLI', host: '10.0.0.7', account: 'RECORD' },
  })
})

test.each([
  '$JS.API.STREAM.INFO.DECISIONS',
  '$JS.API.STREAM.MSG.GET.DECISIONS',
  '$JS.API.CONSUMER.INFO.DECISIONS.audit',
  '$JS.API.CONSUMER.MSG.NEXT.DECISIONS.audit',
  '$JS.API.CONSUMER.LIST.DECISIONS',
  '$JS.API.STREAM.UPDATE.OTHER',
])('a question that changes nothing of the stream is passed over: %s', (subject) => {
  expect(readAdvisory(bytes({ ...API, subject }))).toBeUndefined()
})

test.each([
  '$JS.API.STREAM.PURGE.DECISIONS',
  '$JS.API.STREAM.MSG.DELETE.DECISIONS',
  '$JS.API.STREAM.SNAPSHOT.DECISIONS',
  '$JS.API.STREAM.LEADER.STEPDOWN.DECISIONS',
  '$JS.API.CONSUMER.PAUSE.DECISIONS.audit',
  '$JS.API.CONSUMER.DELETE.DECISIONS.audit',
])('a question that changes something is told: %s', (subject) => {
  expect(readAdvisory(bytes({ ...API, subject }))?.question).toBe(subject)
})

test('what is no advisory, or comes with each message, is passed over; a long one is cut', () => {
  expect(readAdvisory(new Uint8Array([1, 2]))).toBeUndefined()
  expect(readAdvisory(bytes(null))).toBeUndefined()
  const nak = { type: 'io.nats.jetstream.advisory.v1.nak', stream: 'DECISIONS' }
  expect(readAdvisory(bytes(nak))).toBeUndefined()
  const long = { ...API, subject: '$JS.API.STREAM.UPDATE.DECISIONS', request: 'x'.repeat(9_000) }
  expect(readAdvisory(bytes(long))?.request).toHaveLength(4_096)
})
