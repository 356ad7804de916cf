import { waitFor } from '@verdict/kit'
import { expect, test } from 'vitest'
import { Deadlines, Waiter } from './deadline.ts'

const WAITING = { gone: false }
const SOON = { deadlineMs: 10_000 }

test('a caller waits until its own deadline, and never longer than a decision may take', () => {
  const nowMs = performance.now()
  expect(new Waiter(WAITING, nowMs + 5).deadlineMs).toBe(nowMs + 5)
  expect(new Waiter({ gone: false, deadlineMs: nowMs + 3 }, nowMs + 5).deadlineMs).toBe(nowMs + 3)
  expect(new Waiter({ gone: false, deadlineMs: nowMs + 9 }, nowMs + 5).deadlineMs).toBe(nowMs + 5)
})

test('a caller is gone when it says so, or by the clock, with no timer that fires', () => {
  const nowMs = performance.now()
  const caller = { gone: false }
  const waiter = new Waiter(caller, nowMs + 60_000)
  expect(waiter.gone).toBe(false)
  caller.gone = true
  expect(waiter.gone).toBe(true)
  expect(new Waiter(WAITING, nowMs).gone).toBe(true)
})

test('what never settles holds nobody past the deadline', async () => {
  const deadlines = new Deadlines()
  const hung = new Waiter(WAITING, performance.now() + 20)
  const patient = new Waiter(WAITING, performance.now() + 60_000)
  let answered = false
  const gate = Promise.withResolvers<string>()
  const waiting = deadlines.bound(patient, gate.promise).finally(() => {
    answered = true
  })
  const late = Promise.withResolvers<string>()
  await expect(deadlines.bound(hung, late.promise)).rejects.toMatchObject({
    code: 'deadline_exceeded',
  })
  expect(answered).toBe(false)
  // What it comes to later is nobody's business, a failure neither.
  late.reject(new Error('too late'))
  gate.resolve('in time')
  expect(await waiting).toBe('in time')
})

test('what is settled in time is what it is', async () => {
  const deadlines = new Deadlines()
  const waiter = new Waiter(WAITING, performance.now() + 60_000)
  await expect(deadlines.bound(waiter, Promise.reject(new Error('broken')))).rejects.toThrow(
    'broken',
  )
  const hung = new Waiter(WAITING, performance.now() + 60)
  const ends: string[] = []
  deadlines.bound(hung, new Promise(() => {})).catch(({ code }) => ends.push(code))
  await waitFor(() => ends.length === 1, { ...SOON, what: 'the second wait to end' })
  expect(ends).toEqual(['deadline_exceeded'])
})
