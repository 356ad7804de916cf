import { type JournalRecord, parseJournalLine } from '@verdict/contract'
import type { Policy } from '@verdict/policy'
import { expect, test } from 'vitest'
import { Decider } from '../decide.ts'
import { PersonalRecords } from '../personal/personal-records.ts'
import { SubjectKey } from '../personal/subject-keys.ts'
import { DROP_RULE, MASK_RULE } from './names.ts'

const POSITION = { instance: 'authz-1', epoch: 1, n: 1 }

/** What is answered, or which fault is, and what is on record of a request at a path. */
async function decided(path: string, entrypoint = 'p/allow') {
  const rules: Record<string, (input: { request: { path: string } }) => unknown> = {
    'p/allow': () => true,
    [DROP_RULE]: (input) => input.request.path === '/health',
    [MASK_RULE]: (input) => {
      if (input.request.path === '/broken') throw new Error('no such thing')
      return input.request.path === '/secret' ? ['/request/path', '/principal'] : []
    },
  }
  const policy: Policy = {
    revision: 'r',
    entrypoints: ['p/allow', MASK_RULE, DROP_RULE],
    spent: 0,
    remembered: false,
    labels: [],
    inputText: undefined,
    evaluate: (rule, input) => rules[rule]?.(input as never),
  }
  const records: JournalRecord[] = []
  const subjectKey = { at: 1, id: 'i'.repeat(16), pseudonym: 'psn:1:p', sealed: '', sealing: '' }
  const decider = new Decider({
    identifier: { identify: () => ({ status: 'verified', subject: 'alice' }) },
    policy: () => ({ policy, revision: 'r', entrypoint: 'p/allow' }),
    journal: {
      append: async (encode) => {
        records.push(parseJournalLine(`${'a'.repeat(43)} ${encode(POSITION)}`).record)
        return POSITION
      },
    },
    personal: new PersonalRecords(
      {
        of: async (subject) => {
          expect(subject).toBe('alice')
          return new SubjectKey(Buffer.alloc(32, 1), subjectKey)
        },
      },
      ['principal', 'identity.subject'],
    ),
    requestsMax: 1,
    events: {
      decided: () => undefined,
      faulted: () => undefined,
      evaluated: () => undefined,
      ambiguous: () => undefined,
    },
  })
  const request = {
    protocol: 'http',
    attributes: { request: { http: { method: 'GET', path } } },
    receivedMs: performance.now(),
    verdictIsStatus: false,
    entrypoint,
  } as const
  const answer = await decider.decide(request, { gone: false }).catch((fault: unknown) => fault)
  return { answer, record: records[0], records: records.length }
}

test('a record is masked, then encrypted, before it is in the journal', async () => {
  const { answer, record } = await decided('/secret')
  expect(answer).toMatchObject({ outcome: 'allow', id: record?.id })
  expect(record).toMatchObject({
    erased: ['/request/path', '/principal'],
    identity: { subject: expect.stringMatching(/^enc:/) },
    principal: '[masked]',
    pseudonym: 'psn:1:p',
    request: { path: '[masked]' },
  })
  const { record: plain } = await decided('/plain')
  expect(plain).toMatchObject({ principal: expect.stringMatching(/^enc:/) })
  expect(plain).not.toHaveProperty('erased')
  expect(JSON.stringify(plain)).not.toContain('alice')
})

test('a record that is dropped is counted under the id that the caller was told', async () => {
  const { answer, record, records } = await decided('/health')
  expect(records).toBe(1)
  expect(record).toEqual({
    ...POSITION,
    dropped: { count: 1, outcome: 'allow' },
    id: (answer as { id: string }).id,
    time: expect.any(String),
    v: 1,
  })
})

test('where the rules fail the caller gets a fault, and nothing of the decision is on record', async () => {
  const { answer, record, records } = await decided('/broken')
  expect(answer).toMatchObject({ code: 'record_rule_failed' })
  expect(records).toBe(1)
  expect(record).toMatchObject({ dropped: { count: 1, outcome: 'error' } })
  expect(JSON.stringify(record)).not.toMatch(/alice|broken/)
})

test('rules about records decide no request', async () => {
  for (const rule of [MASK_RULE, DROP_RULE]) {
    const { answer } = await decided('/plain', rule)
    expect(answer).toMatchObject({ code: 'policy_path_unknown' })
  }
})
