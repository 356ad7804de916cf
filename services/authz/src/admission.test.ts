import { expect, test } from 'vitest'
import {
  Admission,
  AGE_MAX_MS,
  AGE_STANDING_MAX_MS,
  QUEUE_MAX,
  REFUSALS_PER_TURN_MAX,
  SLICE_MS,
  STANDING_MS,
} from './admission.ts'

const WAITING = { gone: false }

/** An admission whose clock and event loop are turned by hand; work takes time by the clock. */
function setUp(requestsMax = 100_000) {
  let nowMs = 1_000
  const deferred: (() => void)[] = []
  const begun: string[] = []
  const waitedMs: number[] = []
  const refused: string[] = []
  const admission = new Admission({
    requestsMax,
    now: () => nowMs,
    defer: (run) => deferred.push(run),
  })
  const ask = (name: string, takesMs = 1, caller: { readonly gone: boolean } = WAITING): void => {
    const sinceMs = nowMs
    const work = async (): Promise<void> => {
      begun.push(name)
      waitedMs.push(nowMs - sinceMs)
      nowMs += takesMs
    }
    admission.admit(caller, work).catch(({ code }) => refused.push(`${name} ${code}`))
  }
  return {
    admission,
    ask,
    begun,
    waitedMs,
    refused,
    deferred,
    wait: (ms: number) => {
      nowMs += ms
    },
    /** What the event loop does once it has read; then rejections are seen. */
    turn: async () => {
      for (const run of deferred.splice(0)) run()
      await new Promise(setImmediate)
    },
  }
}

/** Requests that take as long as a slice: one is begun in each turn. */
function fill({ ask }: ReturnType<typeof setUp>, count: number): void {
  for (let n = 0; n < count; n++) ask(String(n), SLICE_MS)
}

test('where nobody waits a request is begun at once', async () => {
  const loop = setUp()
  loop.ask('a')
  loop.ask('b')
  expect(loop.begun).toEqual(['a', 'b'])
  await loop.turn()
  expect(loop.deferred).toEqual([])
})

test('one turn of the event loop does no more than a slice, and the rest waits in order', async () => {
  const loop = setUp()
  for (const name of 'abcdefghijkl') loop.ask(name, 2)
  expect(loop.begun.join('')).toBe('abc')
  expect(loop.admission.waiting).toBe(9)
  await loop.turn()
  expect(loop.begun.join('')).toBe('abcdef')
  loop.ask('m', 2)
  await loop.turn()
  await loop.turn()
  await loop.turn()
  expect(loop.begun.join('')).toBe('abcdefghijklm')
  expect(loop.admission.waiting).toBe(0)
  expect(loop.refused).toEqual([])
})

test('who is gone when the turn comes is dropped, and nothing is begun for it', async () => {
  const loop = setUp()
  const caller = { gone: false }
  loop.ask('a', SLICE_MS)
  loop.ask('b', 1, caller)
  loop.ask('c')
  caller.gone = true
  await loop.turn()
  expect(loop.begun).toEqual(['a', 'c'])
  expect(loop.refused).toEqual(['b deadline_exceeded'])
})

test('a burst may wait for long, and no longer', async () => {
  const loop = setUp()
  loop.ask('a', SLICE_MS)
  loop.ask('b')
  loop.wait(AGE_MAX_MS - SLICE_MS)
  await loop.turn()
  expect(loop.begun).toEqual(['a', 'b'])
  for (const name of ['c', 'd', 'e']) loop.ask(name, SLICE_MS)
  await loop.turn()
  loop.wait(AGE_MAX_MS + 1)
  await loop.turn()
  expect(loop.begun).toEqual(['a', 'b', 'c', 'd'])
  expect(loop.refused).toEqual(['e overloaded'])
})

test('what came since the last turn is begun, however late this turn is', async () => {
  const loop = setUp()
  fill(loop, 60)
  await loop.turn()
  loop.wait(AGE_MAX_MS)
  loop.ask('new', SLICE_MS)
  loop.ask('also new', SLICE_MS)
  loop.wait(AGE_MAX_MS + 1)
  await loop.turn()
  expect(loop.begun).toEqual(['0', '1', 'new'])
  expect(loop.refused).toHaveLength(58)
})

test('a queue that stands is held short, and all of the time is used to decide', async () => {
  const loop = setUp()
  const turns = 60
  loop.ask('first', SLICE_MS)
  for (let turn = 0; turn < turns; turn++) {
    for (const name of ['a', 'b', 'c']) loop.ask(`${name}${turn}`, SLICE_MS)
    await loop.turn()
  }
  expect(loop.begun).toHaveLength(turns + 1)
  const standing = loop.waitedMs.slice((2 * STANDING_MS) / SLICE_MS)
  expect(Math.max(...loop.waitedMs)).toBeGreaterThan(AGE_STANDING_MAX_MS)
  expect(Math.max(...loop.waitedMs)).toBeLessThanOrEqual(AGE_MAX_MS)
  expect(Math.max(...standing)).toBeLessThanOrEqual(AGE_STANDING_MAX_MS)
  expect(loop.refused.every((text) => text.endsWith(' overloaded'))).toBe(true)
  expect(loop.begun.length + loop.refused.length + loop.admission.waiting).toBe(3 * turns + 1)
})

test('after an overload the long bound holds again', async () => {
  const loop = setUp()
  fill(loop, 60)
  while (loop.admission.waiting > 0) await loop.turn()
  expect(loop.refused).not.toEqual([])
  const refusedBefore = loop.refused.length
  loop.ask('a', SLICE_MS)
  loop.ask('b')
  loop.wait(AGE_STANDING_MAX_MS * 2)
  await loop.turn()
  expect(loop.begun.slice(-2)).toEqual(['a', 'b'])
  expect(loop.refused).toHaveLength(refusedBefore)
})

test('beyond the bound of the queue the newest is turned away at once', async () => {
  const loop = setUp()
  loop.ask('first', SLICE_MS)
  fill(loop, QUEUE_MAX)
  expect(loop.admission.waiting).toBe(QUEUE_MAX)
  loop.ask('newest')
  await loop.turn()
  expect(loop.refused).toEqual(['newest overloaded'])
  expect(loop.begun).toEqual(['first', '0'])
})

test('one turn turns away no more than it can answer', async () => {
  const loop = setUp()
  loop.ask('first', SLICE_MS)
  fill(loop, REFUSALS_PER_TURN_MAX + 11)
  await loop.turn()
  loop.wait(AGE_MAX_MS + 1)
  await loop.turn()
  expect(loop.refused).toHaveLength(REFUSALS_PER_TURN_MAX)
  await loop.turn()
  expect(loop.refused).toHaveLength(REFUSALS_PER_TURN_MAX + 10)
  expect(loop.admission.waiting).toBe(0)
})

test('a request counts as under way until it is settled, and only once begun', async () => {
  const loop = setUp(2)
  const settled = Promise.withResolvers<void>()
  const codes: string[] = []
  const ask = (): void => {
    loop.admission.admit(WAITING, () => settled.promise).catch(({ code }) => codes.push(code))
  }
  for (let n = 0; n < 3; n++) ask()
  await new Promise(setImmediate)
  expect(loop.admission.underWay).toBe(2)
  expect(codes).toEqual(['overloaded'])
  settled.resolve()
  await new Promise(setImmediate)
  expect(loop.admission.underWay).toBe(0)
  ask()
  expect(loop.admission.underWay).toBe(1)
})

test('work that fails is a rejection, at once and in its turn', async () => {
  const loop = setUp()
  loop.ask('a', SLICE_MS)
  const fail = (): never => {
    throw new Error('broken')
  }
  const later = loop.admission.turn(WAITING, fail)
  const failed = expect(later).rejects.toThrow('broken')
  await loop.turn()
  await failed
  expect(() => loop.admission.turn(WAITING, fail)).toThrow('broken')
})
