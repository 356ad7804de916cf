import { expect, test } from 'vitest'
import { policyOf } from '../../../test/policy-under-test.ts'

test('one evaluation has one time, which may be given', async () => {
  const policy = await policyOf('x := {time.now_ns(), time.now_ns() + 0}\n\ny := time.now_ns()\n', [
    'p/x',
    'p/y',
  ])
  const nowNs = 1_700_000_000_123_456_789n
  expect(policy.evaluateValue('p/x', null, { nowNs })).toEqual(new Set([nowNs]))
  const before = BigInt(Date.now()) * 1_000_000n
  expect(policy.evaluateValue('p/y', null) as bigint).toBeGreaterThanOrEqual(before)
})

test.for([
  ['zones', 'time.format([n, "Europe/Berlin", "MST MST MST"])'],
  ['certificates', 'crypto.x509.parse_certificates(concat("", [input, sprintf("%d", [n])]))'],
  ['signatures', 'io.jwt.encode_sign({"alg": "HS256", "n": n}, {"a": input}, input)'],
  ['keys', 'io.jwt.verify_rs256(input, concat("", [input, sprintf("%d", [n])]))'],
])('a policy that asks for %s without an end is stopped', async ([, expression]) => {
  const policy = await policyOf(
    `x := count([1 | some n in numbers.range(1, 200000); ${expression} != ""])\n`,
  )
  const started = performance.now()
  expect(() => policy.evaluate('p/x', 'a.'.repeat(2_000))).toThrow(/steps|memory/)
  expect(performance.now() - started).toBeLessThan(2_000)
})
