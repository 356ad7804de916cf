import { newDecisionId } from '@verdict/contract'
import { expect, test } from 'vitest'
import { recordOf } from './record.ts'
import type { Attributes } from './request.ts'

const VERDICT = { outcome: 'allow', reason: 'because', status: 200 } as const

function record(attributes: Attributes | undefined, ambiguities?: readonly ['dot_segment']) {
  const request = {
    attributes,
    protocol: 'envoy-grpc',
    receivedMs: 0,
    verdictIsStatus: false,
  } as const
  const findings = { id: newDecisionId(), timeMs: 0, ...(ambiguities && { ambiguities }) }
  return recordOf(request, findings, VERDICT)
}

test('what the policy was told to be ambiguous is on record, and nothing where it was not', () => {
  const attributes = { request: { http: { method: 'GET', path: '/a/../b' } } }
  expect(record(attributes, ['dot_segment']).ambiguities).toEqual(['dot_segment'])
  expect(record(attributes)).not.toHaveProperty('ambiguities')
})

test('a connection that is no HTTP is on record with both of its ends and its transport', () => {
  const source = {
    address: { socketAddress: { address: '10.0.0.1', portValue: 40_000 } },
    principal: 'spiffe://shop/ns/web/sa/cart',
  }
  const socketAddress = { address: '10.0.0.9', portValue: 5_432 }
  const destination = { address: { socketAddress } }
  const tlsSession = { sni: 'Orders-DB.shop.internal' }
  expect(record({ source, destination, request: { time: {} }, tlsSession })).toMatchObject({
    protocol: 'envoy-grpc',
    destination: { address: '10.0.0.9:5432', service: 'orders-db.shop.internal' },
    source: { address: '10.0.0.1', principal: 'spiffe://shop/ns/web/sa/cart' },
    request: { host: '', method: '', path: '', scheme: 'tcp' },
  })
  const udp = record({
    destination: { address: { socketAddress: { ...socketAddress, protocol: 1 } } },
  })
  expect(udp.request.scheme).toBe('udp')
  expect(udp.destination.service).toBe('unknown')
})

test('without any attributes there is a record all the same', () => {
  for (const attributes of [undefined, {}]) {
    expect(record(attributes).request).toEqual({ host: '', method: '', path: '' })
  }
})
