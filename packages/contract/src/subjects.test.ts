import fc from 'fast-check'
import { expect, test } from 'vitest'
import { subjects, token } from './subjects.ts'

test('whatever a name holds, it stays one subject token', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(token(text)).toMatch(/^[A-Za-z0-9_=-]{1,130}$/)
    }),
  )
})

test('short names that differ have tokens that differ', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 20 }), fc.string({ maxLength: 20 }), (a, b) => {
      expect(token(a) === token(b)).toBe(a === b)
    }),
  )
})

test('a decision is published by outcome, namespace and service', () => {
  expect(subjects.decided('deny', { namespace: 'shop', service: 'orders' })).toBe(
    'verdict.decided.deny.shop.orders',
  )
  expect(subjects.decided('allow', { service: 'a.b *>' })).toBe(
    'verdict.decided.allow.=.a=2eb=20=2a=3e',
  )
})
