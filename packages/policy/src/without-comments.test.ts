import { expect, test } from 'vitest'
import { withoutComments } from './without-comments.ts'

const file = (path: string, text: string) => ({ path, bytes: Buffer.from(text) })
const textsOf = (...files: readonly { path: string; bytes: Uint8Array }[]) =>
  withoutComments(files).map(({ bytes }) => Buffer.from(bytes).toString())

test('comments are gone, and lines stay where they are', () => {
  const text = 'package p # q\n\n# METADATA\n# title: é\nx := 1\n\n\t# why\ny := 2 #'
  expect(textsOf(file('p.rego', text))).toEqual(['package p \n\n\n\nx := 1\n\n\t\ny := 2 '])
})

test('what only looks like a comment stays', () => {
  for (const text of [
    'package p\n\nx := `\n# METADATA\n`\n',
    'package p\n\nx := "# METADATA"\n',
    'package p\n\nx := "\\"# a"\n',
  ]) {
    expect(textsOf(file('p.rego', text))).toEqual([text])
  }
})

test('where a rule reads metadata, or a file may that is not understood, all comments stay', () => {
  const block = file('p.rego', 'package p\n\n# METADATA\n# title: a\nx := 1\n')
  for (const text of ['y := rego.metadata.rule()', 'y := $"{rego.metadata.rule().title}"']) {
    const files = [block, file('q.rego', `package q\n\n${text}\n`)]
    expect(withoutComments(files)).toBe(files)
  }
  const unread = 'package q\n\n# METADATA\n# title: b\ny := $"{input.a}"\n'
  expect(textsOf(block, file('q.rego', unread), file('data.json', '{"a": "# b"}'))).toEqual([
    'package p\n\n\n\nx := 1\n',
    unread,
    '{"a": "# b"}',
  ])
})
