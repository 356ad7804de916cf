import { EventEmitter } from 'node:events'
import { expect, test } from 'vitest'
import { listenForStop } from './stop-signals.ts'

test('one Ctrl-C that arrives several times is one, a later one forces', () => {
  const process = new EventEmitter()
  let now = 0
  const { stop, force } = listenForStop(process, () => now)
  expect(stop.aborted).toBe(false)
  process.emit('SIGINT')
  now += 50
  process.emit('SIGINT')
  process.emit('SIGTERM')
  expect([stop.aborted, force.aborted]).toEqual([true, false])
  now += 1000
  process.emit('SIGINT')
  expect(force.aborted).toBe(true)
})

test('signals act as before once they are released', () => {
  const process = new EventEmitter()
  const { release, stop } = listenForStop(process)
  release()
  process.emit('SIGINT')
  expect(stop.aborted).toBe(false)
  expect(process.eventNames()).toEqual([])
})
