import type { Explanation, RuleTrace } from '@verdict/policy'
import { expect, test } from 'vitest'
import { capture } from '../../test/captured.ts'
import { explanationLines } from './explanation-lines.ts'

const METHOD: RuleTrace = {
  rule: 'data.p.method',
  value: '"GET"',
  bodies: [
    { kind: 'rule', head: 'method := input.m', file: 'p.rego', row: 9, held: true, conditions: [] },
  ],
}

const EXPLANATION: Explanation = {
  entrypoint: 'p/x',
  revision: 'r1',
  allowed: false,
  decision: 'false',
  rules: [
    {
      rule: 'data.p.x',
      value: 'false',
      bodies: [
        {
          kind: 'rule',
          head: 'x',
          title: 'Red \u001b[31m',
          file: 'p.rego',
          row: 3,
          held: false,
          conditions: [
            {
              text: 'method in {"GET"}',
              row: 4,
              held: true,
              failures: [],
              failed: 0,
              calls: [METHOD],
            },
            {
              text: `method == "${'y'.repeat(500)}"`,
              row: 5,
              held: false,
              failures: [{ why: 'missing', place: { from: 'input.a' } }],
              failed: 5,
              calls: [{ ...METHOD, again: true, bodies: [] }],
            },
          ],
        },
      ],
    },
  ],
  nearMisses: [],
  spent: 10,
}

function shown(explanation: Explanation, { all = false, tty = false } = {}): string[] {
  return explanationLines(explanation, { terminal: capture({ tty }).terminal, all })
}

test('an explanation reads as a tree, in which nothing speaks to the terminal', () => {
  expect(shown(EXPLANATION)).toEqual([
    'policy    r1, rule p/x',
    'decision  false',
    '',
    '· data.p.x = false',
    '  ✗ x  p.rego:3  Red \\u{1b}[31m',
    '    ✓ method in {"GET"}',
    `    ✗ method == "${'y'.repeat(60)}…`,
    '      there is no input.a',
    '      and for 4 more',
    '      · data.p.method = "GET" (as above)',
    '',
    'No small change of the input was found that would allow it.',
  ])
})

test('what held is told in full with `all`', () => {
  const lines = shown(EXPLANATION, { all: true })
  expect(lines.slice(5, 9)).toEqual([
    '    ✓ method in {"GET"}',
    '      · data.p.method = "GET"',
    '        ✓ method := input.m  p.rego:9',
    `    ✗ method == "${'y'.repeat(60)}…`,
  ])
})

test('changes are told as sentences, and colours only to a terminal', () => {
  const change = (kind: 'be' | 'contain' | 'exist' | 'differ' | 'lack', ...values: string[]) => ({
    place: 'input.a',
    kind,
    values,
  })
  const nearMisses = [
    { changes: [change('contain', '1', '2', '3')] },
    { changes: [change('be', '1'), change('exist')] },
    { changes: [change('differ'), change('lack')] },
  ]
  expect(shown({ ...EXPLANATION, nearMisses }).slice(-5)).toEqual([
    '',
    'It would be allowed if',
    '  · input.a contained 1, 2 or 3',
    '  · input.a were 1 and input.a were there',
    '  · input.a were something else and input.a were not there',
  ])
  expect(shown(EXPLANATION, { tty: true }).join('\n')).toContain('\u001b[31m✗\u001b[39m x')
})

test('a fault, and what was cut, are said', () => {
  const fault = { ...EXPLANATION, fault: 'it failed', cut: true } as const
  expect(shown(fault)).toContain('no decision: it failed')
  expect(shown(fault).at(-1)).toBe('… and more than is told here')
})
