import { expect, test } from 'vitest'
import { destinationOf } from './destination.ts'

const PRINCIPAL = 'spiffe://td/ns/shop/sa/orders'
const ADDRESS = { socketAddress: { address: '10.0.0.9', portValue: 8080 } }

test.each([
  ['nothing', undefined, { service: 'unknown' }],
  ['an empty request', {}, { service: 'unknown' }],
  [
    'the context before all else',
    {
      contextExtensions: { service: 'cart', namespace: 'blue' },
      destination: { principal: PRINCIPAL, service: 's' },
      request: { http: { host: 'h' } },
    },
    { service: 'cart', namespace: 'blue', principal: PRINCIPAL },
  ],
  [
    'a context without a namespace',
    { contextExtensions: { service: 'cart' } },
    { service: 'cart' },
  ],
  [
    'the workload before the service',
    { destination: { principal: PRINCIPAL, service: 's', address: ADDRESS } },
    { service: 'orders', namespace: 'shop', principal: PRINCIPAL, address: '10.0.0.9:8080' },
  ],
  [
    'the service where the principal names no workload',
    { destination: { principal: 'CN=x', service: 's' } },
    { service: 's', principal: 'CN=x' },
  ],
  ['the host', { request: { http: { host: 'shop.local:8080' } } }, { service: 'shop.local' }],
  [
    'the host in other letters',
    { request: { http: { host: 'a@Shop.LOCAL.:80' } } },
    { service: 'shop.local' },
  ],
  ['an address as the host', { request: { http: { host: '[::1]:80' } } }, { service: '[::1]' }],
  ['a bare port as the host', { request: { http: { host: ':80' } } }, { service: 'unknown' }],
  [
    'an address of IPv6',
    { destination: { service: 's', address: { socketAddress: { address: '::1', portValue: 1 } } } },
    { service: 's', address: '[::1]:1' },
  ],
])('%s names the destination', (_name, attributes, expected) => {
  expect(destinationOf(attributes)).toEqual(expected)
})
