import canonicalize from 'canonicalize'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Decision, encodeRecord, RECORD_TEXT_MAX } from './decision-record.ts'
import { newDecisionId } from './ids.ts'

const position = { instance: 'authz-1', epoch: 1, n: 1 }
const text = fc.string({ unit: 'binary', maxLength: 40 })
const optional = fc.option(text, { nil: undefined })

const decisions: fc.Arbitrary<Decision> = fc
  .record({ a: optional, b: text, c: text, d: optional, us: fc.nat() })
  .map(({ a, b, c, d, us }) => ({
    destination: { service: b, ...(a !== undefined && { address: a, namespace: a }) },
    durationUs: us,
    id: newDecisionId(),
    identity: { status: 'verified', ...(d !== undefined && { subject: d, issuer: d }) },
    outcome: 'allow',
    policy: { entrypoint: 'envoy/authz/allow', revision: 'r' },
    principal: c,
    protocol: 'http',
    reason: b,
    request: { host: b, method: c, path: b, ...(a !== undefined && { id: a }) },
    source: d === undefined ? {} : { address: d, principal: d },
    status: 200,
    time: '2026-01-01T00:00:00.000Z',
  }))

test('a record is canonical JSON, whatever its texts hold', () => {
  fc.assert(
    fc.property(decisions, (decision) => {
      const json = encodeRecord(decision, position)
      expect(json).toBe(canonicalize(JSON.parse(json)))
      expect(json).not.toContain('\n')
    }),
  )
})

test('a text beyond the bound is cut and says so', () => {
  fc.assert(
    fc.property(decisions, (decision) => {
      const path = '/'.padEnd(RECORD_TEXT_MAX + 1, 'a')
      const long = { ...decision, request: { ...decision.request, path } }
      const record = JSON.parse(encodeRecord(long, position))
      expect(record.request.path).toHaveLength(RECORD_TEXT_MAX)
      expect(record.request.path.endsWith('…')).toBe(true)
    }),
    { numRuns: 5 },
  )
})
