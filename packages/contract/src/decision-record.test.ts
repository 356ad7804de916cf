import canonicalize from 'canonicalize'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  type Decision,
  encodeRecord,
  RECORD_AMBIGUITIES_MAX,
  RECORD_INPUT_BYTES_MAX,
  RECORD_MASKS_MAX,
  RECORD_RULES_MAX,
  RECORD_TEXT_BYTES_MAX,
} from './decision-record.ts'
import { newDecisionId } from './ids.ts'
import { CHAIN_HASH_CHARS, JOURNAL_LINE_BYTES_MAX } from './journal-line.ts'

const position = { instance: 'authz-1', epoch: 1, n: 1 }
/** Six bytes for each unit. */
const LONG = '\u0001'.repeat(20_000)
const text = fc.string({ unit: 'binary', maxLength: 40 })
const optional = fc.option(text, { nil: undefined })

const decisions: fc.Arbitrary<Decision> = fc
  .record({ a: optional, b: text, c: text, d: optional, us: fc.nat() })
  .map(({ a, b, c, d, us }) => ({
    destination: { service: b, ...(a !== undefined && { address: a, namespace: a }) },
    durationUs: us,
    ...(us % 2 === 0 && { enforced: false, ambiguities: ['nul', 'fragment'] }),
    ...(us % 3 === 0 && { erased: [b, c], masked: [c], pseudonym: 'psn:1:a' }),
    id: newDecisionId(),
    identity: { status: 'verified', ...(d !== undefined && { subject: d, issuer: d }) },
    outcome: 'allow',
    policy: {
      bundle: b,
      dataRevision: us,
      entrypoint: 'envoy/authz/allow',
      input: JSON.stringify({ b, c }),
      revision: 'r',
      rules: [b, c],
      units: us,
    },
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

const longTexts: Decision = {
  ambiguities: Array.from({ length: RECORD_AMBIGUITIES_MAX + 1 }, () => 'encoded_dot_segment'),
  destination: { address: LONG, namespace: LONG, principal: LONG, service: LONG },
  durationUs: Number.MAX_SAFE_INTEGER,
  erased: Array.from({ length: RECORD_MASKS_MAX + 1 }, () => LONG),
  id: newDecisionId(),
  identity: { issuer: LONG, status: 'verified', subject: LONG, workload: LONG },
  masked: Array.from({ length: RECORD_MASKS_MAX + 1 }, () => LONG),
  outcome: 'unauthenticated',
  policy: {
    bundle: LONG,
    dataRevision: Number.MAX_SAFE_INTEGER,
    entrypoint: LONG,
    fetched: Number.MAX_SAFE_INTEGER,
    // A quote takes two bytes.
    input: '"'.repeat(RECORD_INPUT_BYTES_MAX / 2 - 1),
    revision: LONG,
    rules: Array.from({ length: RECORD_RULES_MAX + 1 }, () => LONG),
    units: Number.MAX_SAFE_INTEGER,
  },
  principal: LONG,
  protocol: 'envoy-grpc',
  pseudonym: `psn:${'p'.repeat(32)}:${'h'.repeat(43)}`,
  reason: LONG,
  request: { host: LONG, id: LONG, method: LONG, path: LONG, scheme: LONG },
  source: { address: LONG, principal: LONG },
  status: 200,
  time: '2026-01-01T00:00:00.000Z',
}

test('the longest record fits into a line, and what was cut says so', () => {
  const json = encodeRecord(longTexts, { ...position, instance: 'i'.repeat(64) })
  expect(Buffer.byteLength(json) + CHAIN_HASH_CHARS + 2).toBeLessThan(JOURNAL_LINE_BYTES_MAX)
  expect(JSON.parse(json).request.path.endsWith('…')).toBe(true)
  expect(JSON.parse(json).ambiguities).toHaveLength(RECORD_AMBIGUITIES_MAX)
  expect(JSON.parse(json).policy.input).toBe(longTexts.policy.input)
  expect(JSON.parse(json).policy.rules).toHaveLength(RECORD_RULES_MAX)
})

test('an input that is too long is left out whole, and the record says so', () => {
  const policyWith = (input: string) =>
    JSON.parse(encodeRecord({ ...longTexts, policy: { input } }, position)).policy
  expect(policyWith('"'.repeat(RECORD_INPUT_BYTES_MAX / 2))).toEqual({ inputOmitted: true })
  expect(policyWith('a'.repeat(RECORD_INPUT_BYTES_MAX - 1))).toEqual({ inputOmitted: true })
  const longest = 'a'.repeat(RECORD_INPUT_BYTES_MAX - 2)
  expect(policyWith(longest)).toEqual({ input: longest })
})

test('a long text of plain letters is kept whole', () => {
  const path = '/'.padEnd(RECORD_TEXT_BYTES_MAX - 2, 'a')
  const long = { ...longTexts, request: { ...longTexts.request, path } }
  expect(JSON.parse(encodeRecord(long, position)).request.path).toBe(path)
})
