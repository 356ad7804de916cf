import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { waitFor } from '@verdict/kit'
import { expect, test } from 'vitest'
import {
  BACKOFF_MAX_MS,
  type Exit,
  type Launched,
  type Program,
  Supervisor,
  type SupervisorEvent,
} from './supervisor.ts'

const WAIT = { deadlineMs: 15_000, what: 'the supervisor' }
const NEVER = new AbortController().signal

/** A real process that runs `script`. */
function program(script: string, more: Partial<Program> = {}): Program {
  return {
    name: 'probe',
    stopTimeoutMs: 5_000,
    lastWords: () => '  its last words',
    probe: async () => true,
    launch: async () => await launch(script),
    ...more,
  }
}

async function launch(script: string): Promise<Launched> {
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'ignore'] })
  const exited = new Promise<Exit>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }))
  })
  // The script says when it listens for signals.
  if (script.includes('listening')) await once(child.stdout, 'data')
  else await once(child, 'spawn')
  return { pid: child.pid ?? 0, exited, signal: (name) => void child.kill(name) }
}

function supervise(what: Program): {
  supervisor: Supervisor
  events: SupervisorEvent[]
  kinds: () => string[]
} {
  const events: SupervisorEvent[] = []
  const supervisor = new Supervisor(what, { onEvent: (event) => events.push(event) })
  supervisor.start()
  return { supervisor, events, kinds: () => events.map(({ kind }) => kind) }
}

const RUNS = 'setInterval(() => {}, 1000)'
const DEAF =
  "process.on('SIGTERM', () => {}); console.log('listening'); setInterval(() => {}, 1000)"

test('a process that is killed is started again, and said to be ready again', async () => {
  const { supervisor, events, kinds } = supervise(program(RUNS))
  await supervisor.whenReady({ timeoutMs: 10_000, signal: NEVER })
  const first = supervisor.pid ?? 0
  process.kill(first, 'SIGKILL')
  await waitFor(() => kinds().filter((kind) => kind === 'ready').length === 2, WAIT)
  expect(events[2]).toEqual({ kind: 'ended', how: 'signal SIGKILL', retryMs: 100 })
  expect(events.at(-1)).toEqual({ kind: 'ready', again: true })
  expect(supervisor.pid).not.toBe(first)
  await supervisor.stop(NEVER)
  expect(supervisor.pid).toBeUndefined()
})

test('the wait before a restart doubles while the process keeps dying', async () => {
  const { supervisor, events } = supervise(program('process.exit(1)', { probe: async () => false }))
  const waits = (): number[] =>
    events.flatMap((event) => (event.kind === 'ended' ? [event.retryMs] : []))
  await waitFor(() => waits().length >= 4, WAIT)
  expect(waits().slice(0, 4)).toEqual([100, 200, 400, 800])
  expect(Math.max(...waits())).toBeLessThanOrEqual(BACKOFF_MAX_MS)
  await supervisor.stop(NEVER)
})

test('a process that keeps dying before it was ready is given up as a start', async () => {
  const { supervisor } = supervise(program('process.exit(7)', { probe: async () => false }))
  await expect(supervisor.whenReady({ timeoutMs: 30_000, signal: NEVER })).rejects.toMatchObject({
    code: 'start_failed',
    message: 'probe ended (exit code 7); the last that it said:\n  its last words',
  })
  await supervisor.stop(NEVER)
})

test('a process that refuses its settings is given up at once', async () => {
  const { supervisor, kinds } = supervise(program('process.exit(2)', { probe: async () => false }))
  await expect(supervisor.whenReady({ timeoutMs: 30_000, signal: NEVER })).rejects.toThrow(
    /^probe ended \(exit code 2\)/,
  )
  expect(kinds().filter((kind) => kind === 'ended').length).toBeLessThanOrEqual(1)
  await supervisor.stop(NEVER)
})

test('a process that is not ready in time is told by name', async () => {
  const { supervisor } = supervise(program(RUNS, { probe: async () => false }))
  await expect(supervisor.whenReady({ timeoutMs: 300, signal: NEVER })).rejects.toThrow(
    /^probe is not ready after 0\.3 s/,
  )
  await supervisor.stop(NEVER)
})

test('a launch that fails at first is the error of the start', async () => {
  const refused = program(RUNS, {
    launch: async () => {
      throw new Error('no such program')
    },
  })
  const { supervisor } = supervise(refused)
  await expect(supervisor.whenReady({ timeoutMs: 10_000, signal: NEVER })).rejects.toThrow(
    'no such program',
  )
  await supervisor.stop(NEVER)
})

test('a process that does not end in time is killed, and that is said', async () => {
  const { supervisor, events } = supervise(program(DEAF, { stopTimeoutMs: 200 }))
  await supervisor.whenReady({ timeoutMs: 10_000, signal: NEVER })
  const pid = supervisor.pid ?? 0
  await supervisor.stop(NEVER)
  expect(events).toContainEqual({ kind: 'killed', forced: false })
  expect(() => process.kill(pid, 0)).toThrow()
})

test('a process is not waited for when the stop is forced', async () => {
  const { supervisor, events } = supervise(program(DEAF, { stopTimeoutMs: 60_000 }))
  await supervisor.whenReady({ timeoutMs: 10_000, signal: NEVER })
  const force = new AbortController()
  const stopped = supervisor.stop(force.signal)
  force.abort()
  await stopped
  expect(events.at(-1)).toEqual({ kind: 'killed', forced: true })
  expect(supervisor.pid).toBeUndefined()
})

test('a stop during the wait before a restart starts nothing again', async () => {
  const { supervisor, kinds } = supervise(program('process.exit(1)', { probe: async () => false }))
  await waitFor(() => kinds().filter((kind) => kind === 'ended').length === 3, WAIT)
  await supervisor.stop(NEVER)
  const launches = kinds().filter((kind) => kind === 'launched').length
  expect(supervisor.pid).toBeUndefined()
  expect(launches).toBe(3)
})
