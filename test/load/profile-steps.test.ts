import { expect, test } from 'vitest'
import { stepsOf } from './profile-steps.ts'

const node = (id: number, functionName: string, url: string, children: number[] = []) => ({
  id,
  callFrame: { functionName, url },
  children,
})
const profile = {
  nodes: [
    node(1, '(root)', '', [2, 6, 7]),
    node(2, 'decide', 'file:///v/services/authz/src/decide.ts', [3, 4]),
    node(3, 'evaluate', 'file:///v/packages/policy/src/policy.ts', [5]),
    node(4, 'append', 'file:///v/packages/journal/src/journal.ts'),
    node(5, 'parse', ''),
    node(6, '(idle)', ''),
    node(7, '(garbage collector)', ''),
  ],
  samples: [4, 5, 6, 2, 7, 5],
  timeDeltas: [1_000, 100, 500, 100, 100, 100],
}

test('work counts for the innermost step that it was done in, and idle time for none', () => {
  expect(stepsOf(profile, 0.9)).toEqual([
    { step: 'evaluate', share: 0.5 },
    { step: 'garbage collection', share: 0.25 },
    { step: 'admit, choose the policy, deadlines', share: 0.25 },
  ])
})

test('what was before the last part does not count', () => {
  expect(stepsOf(profile, 0.1)).toEqual([{ step: 'evaluate', share: 1 }])
})
