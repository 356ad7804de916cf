import { expect, test } from 'vitest'
import type { UnaryCall } from './grpc-call.ts'
import { healthHandler } from './health.ts'

const WAITING: UnaryCall = { gone: false }
/** The field `status` with SERVING or NOT_SERVING, byte by byte. */
const SERVING = new Uint8Array([0x08, 1])
const NOT_SERVING = new Uint8Array([0x08, 2])

/** A HealthCheckRequest: one field, the name of the service. */
function asking(service: string): Uint8Array {
  return new Uint8Array([0x0a, service.length, ...Buffer.from(service)])
}

test.each(['', 'envoy.service.auth.v3.Authorization'])(
  'service `%s` is as ready as we are',
  (name) => {
    let ready = false
    const handler = healthHandler(() => ready)
    expect(handler(asking(name), WAITING)).toEqual(NOT_SERVING)
    ready = true
    expect(handler(asking(name), WAITING)).toEqual(SERVING)
  },
)

test('an unknown service is NOT_FOUND, and what is no request is told so', () => {
  const handler = healthHandler(() => true)
  expect(() => handler(asking('other.Service'), WAITING)).toThrow(
    expect.objectContaining({ code: 'not_found' }),
  )
  expect(() => handler(new Uint8Array([0x0a, 9, 1]), WAITING)).toThrow(
    expect.objectContaining({ code: 'internal' }),
  )
})
