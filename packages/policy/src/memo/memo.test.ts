import { expect, test } from 'vitest'
import { Memo } from './memo.ts'
import { isSound } from './sound.ts'

const BYTES_MAX = 4_096

test('what was asked is answered, and what was not is not', () => {
  const memo = new Memo(BYTES_MAX)
  memo.set('a', { value: { allowed: true }, spent: 7, labels: [] }, 16)
  expect(memo.get('a')).toMatchObject({ value: { allowed: true }, spent: 7 })
  expect(memo.get('b')).toBeUndefined()
})

test('that there is no answer is one', () => {
  const memo = new Memo(BYTES_MAX)
  memo.set('a', { value: undefined, spent: 7, labels: [] }, 0)
  expect(memo.get('a')).toMatchObject({ value: undefined, spent: 7 })
})

test('nobody can change what others are answered', () => {
  const memo = new Memo(BYTES_MAX)
  memo.set('a', { value: { headers: { x: ['1'] } }, spent: 7, labels: [] }, 24)
  const value = memo.get('a')?.value as { headers: { x: string[] } } | undefined
  expect(() => value?.headers.x.push('2')).toThrow(TypeError)
})

test('the one used longest ago makes room, by bytes', () => {
  const memo = new Memo(BYTES_MAX)
  for (let at = 0; at < 4; at++) memo.set(`${at}`, { value: at, spent: 1, labels: [] }, 600)
  expect(memo.get('0')).toBeDefined()
  memo.set('4', { value: 4, spent: 1, labels: [] }, 1_200)
  expect(['0', '1', '2', '3', '4'].filter((key) => memo.get(key))).toEqual(['0', '2', '3', '4'])
  expect(memo.bytes).toBeLessThanOrEqual(BYTES_MAX)
})

test('the same question twice takes the room of one', () => {
  const memo = new Memo(BYTES_MAX)
  memo.set('a', { value: 1, spent: 1, labels: [] }, 10)
  const { bytes } = memo
  memo.set('a', { value: 2, spent: 1, labels: [] }, 10)
  expect(memo.bytes).toBe(bytes)
  expect(memo.get('a')?.value).toBe(2)
})

test('what is too large is not remembered', () => {
  const memo = new Memo(1024 ** 2)
  memo.set('a', { value: 1, spent: 1, labels: [] }, 100_000)
  expect(memo.get('a')).toBeUndefined()
  expect(memo.bytes).toBe(0)
})

test('a decision holds as long as it says', () => {
  let nowMs = 1_000
  const memo = new Memo(BYTES_MAX, () => nowMs)
  memo.set('a', { value: { ttl_ms: 100 }, spent: 1, labels: [] }, 10)
  memo.set('b', { value: { ttl_ms: 0 }, spent: 1, labels: [] }, 10)
  nowMs = 1_099
  expect(memo.get('a')).toBeDefined()
  expect(memo.get('b')).toBeUndefined()
  nowMs = 1_100
  expect(memo.get('a')).toBeUndefined()
  expect(memo.bytes).toBe(0)
})

test('nothing is left when it is cleared', () => {
  const memo = new Memo(BYTES_MAX)
  memo.set('a', { value: 1, spent: 1, labels: [] }, 10)
  memo.clear()
  expect([memo.get('a'), memo.bytes]).toEqual([undefined, 0])
})

test.each([
  [true, ['count', 'io.jwt.decode']],
  [true, []],
  [false, ['count', 'time.now_ns']],
  [false, ['rand.intn']],
  [false, ['io.jwt.decode_verify']],
  [false, ['http.send']],
  [false, ['internal.print']],
])('sound: %s, where a policy may call %j', (sound, builtins) => {
  expect(isSound({ builtins: new Set(builtins) })).toBe(sound)
})
