import { expect, test } from 'vitest'
import { reportRows } from './report.ts'

test('what is looked up, what is asked in turn and what is left alone is told by rule', () => {
  const group = {
    file: 'shop.rego',
    line: 7,
    rule: 'allow',
    rules: 60,
    tables: [{ by: 'input["tenant"]', rules: 40, keys: 20, rulesTogetherMax: 2 }],
    chained: 12,
    leftAlone: [{ rules: 8, why: 'it is a function' }],
  }
  const dispatch = { dispatched: 40, chained: 12, groups: [group], leftAlone: [{ why: 'doubt' }] }
  const rows = reportRows({
    archive: new Uint8Array(),
    digest: '',
    revision: 'r',
    serial: 1,
    entrypoints: [],
    roots: [''],
    tests: 0,
    coverage: { percent: 100, lines: 1, missed: [] },
    ruleIndex: { rules: 60, indexed: 0, families: [], leftAlone: [], dispatch },
  })
  expect(rows.slice(2)).toEqual([
    '',
    'dispatch: 40 rules by a lookup, 12 in turn until one holds',
    '  shop.rego:7 allow, 40 rules: by input["tenant"]; at most 2 to go through',
    '  shop.rego:7 allow, 12 rules: in turn, until one holds',
    '  shop.rego:7 allow, 8 rules: left alone, it is a function',
    '  left alone, doubt',
  ])
})
