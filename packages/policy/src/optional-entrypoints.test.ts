import { expect, test } from 'vitest'
import { entrypointsOf } from './optional-entrypoints.ts'

const wanted = { entrypoints: ['p/x'], optionalEntrypoints: ['system/log/mask', 'system/log/drop'] }
const found = (text: string, path = 'a/log.rego') =>
  entrypointsOf([{ path, bytes: Buffer.from(text) }], wanted).slice(1)

test('a rule is built where a file of its package has it, in each form of a head', () => {
  const mask = ['system/log/mask']
  for (const rule of [
    'mask contains "/reason"',
    'mask contains {"op": "remove"} if true',
    'mask["/reason"] { true }',
    'mask := ["/reason"]',
    '  mask = []',
    'default mask := []',
    '# mask\nmask',
  ]) {
    expect(found(`# of the log\npackage system.log # here\n\n${rule}\n`)).toEqual(mask)
  }
  const both = 'package system.log\nmask contains "/reason"\ndrop if input.status == 200\n'
  expect(found(both)).toEqual(['system/log/mask', 'system/log/drop'])
})

test('what is elsewhere, in a test, a comment, or called otherwise is no such rule', () => {
  const mask = 'mask contains "/reason"\n'
  expect(found(`package system.log_test\n${mask}`)).toEqual([])
  expect(found(`package system.logs\n${mask}`)).toEqual([])
  expect(found(`package shop\n${mask}`)).toEqual([])
  expect(found(`package system.log\n${mask}`, 'log_test.rego')).toEqual([])
  expect(found('package system.log\n# mask contains 1\nmasked := 1\nmask_me := 2\n')).toEqual([])
  expect(found('package system.log\nmask(x) := x\nmask.sub := 1\n')).toEqual([])
  expect(found(`package system.log\n${mask}`, 'log.json')).toEqual([])
})
