import { expect, test } from 'vitest'
import { capture } from '../test/captured.ts'
import { printable } from './terminal.ts'

test('colours are for terminals, and not where NO_COLOR is set', () => {
  expect(capture({ tty: true }).terminal.paint('red', 'x')).toBe('\x1b[31mx\x1b[39m')
  expect(capture({ tty: true, env: { NO_COLOR: '1' } }).terminal.paint('red', 'x')).toBe('x')
  expect(capture().terminal.paint('red', 'x')).toBe('x')
})

test('without a terminal a short step is one line, with what came of it', () => {
  const { terminal, out } = capture()
  const step = terminal.step('making keys')
  step.update('the third')
  step.done('nine of them')
  expect(out()).toMatch(/^✓ making keys · nine of them \d+\.\d s\n$/)
})

test('a step that fails is marked as such', () => {
  const { terminal, out } = capture()
  terminal.step('making keys').failed()
  expect(out()).toMatch(/^✗ making keys \d+\.\d s\n$/)
})

test('on a terminal a line goes above the step that is shown, which is drawn again', () => {
  const { terminal, out } = capture({ tty: true, env: { NO_COLOR: '1' } })
  const step = terminal.step('waiting')
  terminal.line('a line')
  step.done()
  const clear = '\r\x1b[2K'
  const frames = out().split(clear)
  expect(frames[0]).toMatch(/^. waiting 0\.0 s$/)
  expect(frames[1]).toMatch(/^a line\n. waiting/)
  expect(frames.at(-1)).toMatch(/^✓ waiting \d\.\d s\n$/)
})

test('what a terminal would obey is made visible', () => {
  expect(printable('a\x1b[2Jb\u009bc\u202ed\r\n')).toBe(
    'a\\u{1b}[2Jb\\u{9b}c\\u{202e}d\\u{d}\\u{a}',
  )
  expect(printable('größe → 日本')).toBe('größe → 日本')
})
