import { expect, test } from 'vitest'
import { createHealth } from './health.ts'

test('a service without checks is ready', () => {
  expect(createHealth().report()).toEqual({ ok: true, checks: {} })
})

test('one check that is not ok makes the service not ready, and is named', () => {
  const health = createHealth()
  health.check('bus', () => ({ ok: true, detail: 'connected' }))
  health.check('policy', () => ({ ok: false, detail: 'no policy' }))
  expect(health.report()).toEqual({
    ok: false,
    checks: {
      bus: { ok: true, detail: 'connected' },
      policy: { ok: false, detail: 'no policy' },
    },
  })
})

test('a check is asked anew at each report, and the last one of a name counts', () => {
  const health = createHealth()
  let ok = false
  health.check('bus', () => ({ ok: false, detail: 'replaced' }))
  health.check('bus', () => ({ ok, detail: '' }))
  expect(health.report().ok).toBe(false)
  ok = true
  expect(health.report().ok).toBe(true)
})

test('a check that throws is not ok', () => {
  const health = createHealth()
  health.check('disk', () => {
    throw new Error('no such device')
  })
  expect(health.report()).toEqual({
    ok: false,
    checks: { disk: { ok: false, detail: 'no such device' } },
  })
})
