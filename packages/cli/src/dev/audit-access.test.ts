import { expect, test } from 'vitest'
import { auditAuthorization, SHIPPED_POLICIES } from './audit-access.ts'

const DEMO = { env: {}, policiesDir: SHIPPED_POLICIES, users: true }

test('the demo has reading the log authorized by the policies shipped', () => {
  expect(auditAuthorization(DEMO)).toBe('policy')
})

test('where nobody could be let in, or policies say nothing of it, nobody is asked', () => {
  expect(auditAuthorization({ ...DEMO, users: false })).toBe('off')
  expect(auditAuthorization({ ...DEMO, policiesDir: '/home/me/policies' })).toBe('off')
  const env = { VERDICT_AUTHZ_BUNDLES: 'bundles.json' }
  expect(auditAuthorization({ ...DEMO, env })).toBe('off')
})

test('what the environment says holds', () => {
  const off = { VERDICT_AUDIT_AUTHORIZATION: 'off' }
  expect(auditAuthorization({ ...DEMO, env: off })).toBe('off')
  const policy = { VERDICT_AUDIT_AUTHORIZATION: 'policy' }
  expect(auditAuthorization({ ...DEMO, users: false, env: policy })).toBe('policy')
})
