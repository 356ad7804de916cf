import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

/** docs/limits.md says what the sources say. */

const ROOT = join(import.meta.dirname, '../..')
/** Where the limits of what comes from outside are; each of their exported bounds is in the page. */
const SOURCES = [
  'packages/bus/src/message-group.ts',
  'packages/bus/src/subscriber-keys.ts',
  'packages/bus/src/event-consumers.ts',
  'packages/subscriber/src/subscribe.ts',
  'services/audit/src/stream/event-stream.ts',
  'services/audit/src/stream/feed.ts',
  'services/audit/src/webhooks/webhook-file.ts',
  'services/audit/src/webhooks/webhook-batch.ts',
  'services/audit/src/webhooks/webhook-exchange.ts',
  'services/audit/src/webhooks/retry.ts',
  'packages/cli/src/audit/export-source.ts',
  'packages/export/src/parquet.ts',
  'services/authz/src/envoy/http2-server.ts',
  'services/authz/src/envoy/grpc-server.ts',
  'services/authz/src/envoy/stream-call.ts',
  'services/authz/src/envoy/stream-calls.ts',
  'services/authz/src/envoy/plain-message.ts',
  'packages/service/src/http.ts',
  'services/authz/src/body/json-text.ts',
  'services/authz/src/body/multipart.ts',
  'packages/contract/src/decision-record.ts',
  'packages/cli/src/witness/witnessed-logs.ts',
  'services/audit/src/log/publisher.ts',
  'services/audit/src/stream-watch/advisory-log.ts',
  'services/audit/src/stream-watch/stream-watch.ts',
  'services/audit/src/witnesses/cosigner.ts',
  'services/audit/src/witnesses/witness-exchange.ts',
  'services/audit/src/witnesses/witness-policy.ts',
  'services/authz/src/personal/sealed-keys.ts',
  'services/authz/src/personal/subject-keys.ts',
  'services/audit/src/erasure/post-erasure.ts',
  'packages/journal/src/journal-room.ts',
  'packages/journal/src/resender.ts',
  'services/authz/src/journal-events.ts',
  'services/audit/src/ingest/pinned-keys.ts',
  'services/audit/src/chain/coverage.ts',
  'packages/contract/src/record-check/canonical-json.ts',
  'packages/contract/src/record-check/claims.ts',
  'packages/contract/src/record-check/record-check.ts',
  'packages/cli/src/audit/audit-api.ts',
  'services/audit/src/scrub/scrubber.ts',
  'packages/policy/src/fetch/cache.ts',
  'packages/policy/src/fetch/exchange.ts',
  'packages/policy/src/fetch/fetcher.ts',
  'packages/policy/src/fetch/fetching-policy.ts',
  'packages/policy/src/fetch/inquiry.ts',
  'services/audit/src/authorization/policy-authorizer.ts',
  'services/audit/src/authorization/guard.ts',
  'services/audit/src/retention/hold.ts',
]
const CONSTANT = /^export const (\w+_(?:MAX|MS|BYTES|BURST|PER_S))(?:: number)? = ([\d_*\s]+)$/gm
const ROW = /^\| `(\w+)` \| `([^`]+)` \| ([\d,]+) \| (.+) \|$/gm

interface Limit {
  readonly name: string
  readonly source: string
  readonly value: number
}

/** The product that a constant is written as. */
function productOf(expression: string): number {
  const factors = expression.replaceAll('_', '').split(' * ')
  return factors.reduce((value, factor) => value * Number(factor), 1)
}

const inSources: Limit[] = SOURCES.flatMap((source) =>
  [...readFileSync(join(ROOT, source), 'utf8').matchAll(CONSTANT)].map(
    ([, name = '', expression = '']) => ({ name, source, value: productOf(expression.trim()) }),
  ),
)

const page = readFileSync(join(ROOT, 'docs/limits.md'), 'utf8')
const inPage: Limit[] = [...page.matchAll(ROW)].map(([, name = '', source = '', value = '']) => ({
  name,
  source,
  value: Number(value.replaceAll(',', '')),
}))

test('docs/limits.md lists each limit of the sources with its value, and no other', () => {
  const ordered = (limits: readonly Limit[]): string[] =>
    limits.map(({ name, source, value }) => `${source} ${name} ${value}`).toSorted()
  expect(inSources.length).toBeGreaterThan(15)
  expect(ordered(inPage)).toEqual(ordered(inSources))
})

test('each limit says what happens beyond it', () => {
  const answers = [...page.matchAll(ROW)].map(([, name, , , answer = '']) => [name, answer.length])
  expect(answers.filter(([, length]) => Number(length) < 10)).toEqual([])
})
