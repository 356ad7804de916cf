import { once } from 'node:events'
import { createServer } from 'node:net'
import { waitFor } from '@verdict/kit'
import { afterEach, expect, test } from 'vitest'
import {
  DEADLINE_MS,
  killAll,
  running as runningOf,
  seen,
  start as startOf,
} from '../test/service-program.ts'

const ECHO = 'echo-service.ts'

afterEach(killAll)

type Given = Parameters<typeof startOf> extends [string, ...infer Rest] ? Rest : never
const start = async (...given: Given) => await startOf(ECHO, ...given)
const running = async (...given: Given) => await runningOf(ECHO, ...given)

test('--help and --version answer and end, whatever the environment is', async () => {
  const broken = { VERDICT_AUTHN_HTTP_PORT: 'x' }
  const help = await start(broken, { args: ['--help'] })
  expect(await help.exit).toBe(0)
  expect(help.out()).toContain('VERDICT_AUTHN_BEHAVIOUR')
  const version = await start(broken, { args: ['--version'] })
  expect(await version.exit).toBe(0)
  expect(version.out()).toMatch(/^verdict authn \d+\.\d+\.\d+\n$/)
})

test('an option that is none ends the process with code 2', async () => {
  const service = await start({}, { args: ['--port=1'] })
  expect(await service.exit).toBe(2)
  expect(service.err()).toContain('`--port=1` is no option')
})

test('settings that can not be used are told in plain text, with code 2', async () => {
  const service = await start({ VERDICT_AUTHN_HTTP_PORT: 'x', VERDICT_AUTHN_TYPO: '1' })
  expect(await service.exit).toBe(2)
  expect(service.err()).toContain("VERDICT_AUTHN_HTTP_PORT can't be `x`")
  expect(service.err()).toContain('VERDICT_AUTHN_TYPO is not a setting of authn')
  expect(service.out()).toBe('')
})

test('settings that only the start can judge end the process in the same way', async () => {
  const service = await start({ VERDICT_AUTHN_BEHAVIOUR: 'config-fails' })
  expect(await service.exit).toBe(2)
  expect(service.err()).toContain('VERDICT_AUTHN_BEHAVIOUR names nothing')
})

test.for(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
  '%s stops in order, with code 0',
  async (signal) => {
    const service = await running()
    service.child.kill(signal)
    expect(await service.exit).toBe(0)
    expect(service.events('service_stopping')).toMatchObject([{ why: signal }])
    expect(service.events('service_stopped')).toHaveLength(1)
  },
)

test('a second signal does not cut the stop short', async () => {
  const service = await running()
  const slow = fetch(`${service.base}/slow`)
  await waitFor(() => fetch(`${service.base}/slow-entered`).then((r) => r.json()), {
    deadlineMs: DEADLINE_MS,
    what: 'the slow request to be taken',
  })
  service.child.kill('SIGINT')
  await seen(service, 'service_stopping')
  service.child.kill('SIGTERM')
  expect(await (await slow).json()).toEqual({ finished: true })
  expect(await service.exit).toBe(0)
  expect(service.events('service_stopping')).toHaveLength(1)
})

test('a service that was started with an IPC channel stops when its parent lets go', async () => {
  const service = await running({}, { ipc: true })
  service.child.disconnect()
  expect(await service.exit).toBe(0)
})

test('a service that was started with an IPC channel ends on a signal too', async () => {
  const service = await running({}, { ipc: true })
  service.child.kill('SIGTERM')
  expect(await service.exit).toBe(0)
})

test.for([
  ['/fail', 'the disk is gone'],
  ['/throw', 'nobody caught this'],
  ['/reject', 'nobody awaited this'],
] as const)('a fault stops in order, with code 1: %s', async ([path, message]) => {
  const service = await running()
  await fetch(service.base + path, { method: 'POST' })
  expect(await service.exit).toBe(1)
  expect(service.events('service_failed')).toMatchObject([{ level: 'fatal', err: { message } }])
  expect(service.events('service_stopped')).toHaveLength(1)
})

test('a failed start ends with code 1 and its reason', async () => {
  const service = await start({ VERDICT_AUTHN_BEHAVIOUR: 'start-fails' })
  expect(await service.exit).toBe(1)
  expect(service.events('service_failed')).toMatchObject([{ msg: 'no such luck' }])
})

test('a port in use is one message that names the setting to change', async () => {
  await using server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : undefined
  const service = await start({ VERDICT_AUTHN_HTTP_PORT: String(port) })
  expect(await service.exit).toBe(1)
  const msg =
    `port ${port} of \`127.0.0.1\` is in use: ` +
    'set VERDICT_AUTHN_HTTP_PORT to a free port, or stop what listens there'
  expect(service.events('service_failed')).toMatchObject([{ msg, err: { code: 'cannot_listen' } }])
})

test('an address of another machine is one message that names the setting to change', async () => {
  const service = await start({ VERDICT_HOST: '192.0.2.1' })
  expect(await service.exit).toBe(1)
  const msg = '`192.0.2.1` is no address of this machine: set VERDICT_HOST to one that is'
  expect(service.events('service_failed')).toMatchObject([{ msg }])
})

test('a stop while the service starts ends the start, with code 0', async () => {
  const service = await start({ VERDICT_AUTHN_BEHAVIOUR: 'start-waits' })
  await seen(service, 'service_starting')
  service.child.kill('SIGTERM')
  expect(await service.exit).toBe(0)
  expect(service.events('start_abandoned')).toHaveLength(1)
})

test.for([
  ['start-hangs', 'start'],
  ['stop-hangs', 'stop'],
] as const)(
  'what hangs is named after the time is up, with code 1: %s',
  async ([behaviour, what]) => {
    const env = { VERDICT_AUTHN_BEHAVIOUR: behaviour, VERDICT_STOP_TIMEOUT: '300ms' }
    const service = await start(env)
    await seen(service, what === 'start' ? 'service_starting' : 'service_started')
    service.child.kill('SIGTERM')
    expect(await service.exit).toBe(1)
    const msg = `\`${what}\` did not end within 300 ms (VERDICT_STOP_TIMEOUT)`
    expect(service.events('service_failed')).toMatchObject([
      { msg, err: { code: 'stop_timed_out' } },
    ])
  },
)

test('a stop that fails ends with code 1', async () => {
  const service = await running({ VERDICT_AUTHN_BEHAVIOUR: 'stop-fails' })
  service.child.kill('SIGTERM')
  expect(await service.exit).toBe(1)
  expect(service.events('service_failed')).toMatchObject([{ msg: 'the stop went wrong' }])
})

test('what a service leaves open is named, and does not keep the process alive', async () => {
  const service = await running({ VERDICT_AUTHN_BEHAVIOUR: 'leaks' })
  service.child.kill('SIGTERM')
  expect(await service.exit).toBe(1)
  expect(service.events('stop_incomplete')).toMatchObject([
    { held: expect.stringContaining('Timeout') },
  ])
})

test('a service is ready when it has started, and not before', async () => {
  const service = await running()
  const response = await fetch(`${service.base}/readyz`)
  expect(response.status).toBe(200)
  expect(await response.json()).toMatchObject({ checks: { lifecycle: { detail: 'running' } } })
})
