import { subjects } from '@verdict/contract'
import { startBus, waitFor } from '@verdict/kit'
import type { NatsConnection } from 'nats'
import { expect, test } from 'vitest'
import { ask } from './ask.ts'
import { type ServeOptions, type Serving, serve } from './serve.ts'

const TIMEOUT = { timeout: 60_000 }
const ASK = { timeoutMs: 10_000 }
const SOON = { deadlineMs: 10_000 }

function identifying(handler: ServeOptions['handler'], more: Partial<ServeOptions> = {}) {
  const errors: unknown[] = []
  const onError = (error: unknown): void => void errors.push(error)
  const subject = subjects.identify
  const options = { subject, queue: 'authn', concurrencyMax: 2, handler, onError, ...more }
  return { errors, options }
}

/** Serves, and waits until the server knows. */
async function begin(nc: NatsConnection, options: ServeOptions): Promise<Serving> {
  const serving = serve(nc, options)
  await nc.flush()
  return serving
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const text = (data: Uint8Array): string => new TextDecoder().decode(data)
const echo = (payload: Uint8Array): Promise<Uint8Array> =>
  Promise.resolve(bytes(`heard ${text(payload)}`))

test('a question is answered', TIMEOUT, async () => {
  await using bus = await startBus()
  await begin(await bus.connect('authn'), identifying(echo).options)
  const asker = await bus.connect('authz-serve')
  expect(text(await ask(asker, subjects.identify, bytes('a'), ASK))).toBe('heard a')
})

test('every way in which no answer comes has its own code', TIMEOUT, async () => {
  await using bus = await startBus()
  const asker = await bus.connect('authz-serve')
  const asked = (timeoutMs = 10_000, size = 1): Promise<Uint8Array> =>
    ask(asker, subjects.identify, new Uint8Array(size), { timeoutMs })

  await expect(asked()).rejects.toMatchObject({ code: 'no_responders' })
  await expect(asked(10_000, 1024 * 1024 + 1)).rejects.toMatchObject({ code: 'too_large' })
  await expect(ask(asker, subjects.check, bytes('{}'), ASK)).rejects.toMatchObject({
    code: 'forbidden',
  })

  const silent = identifying(() => new Promise(() => {}))
  await begin(await bus.connect('authn'), silent.options)
  await expect(asked(100)).rejects.toMatchObject({ code: 'timeout' })
  const begun = performance.now()
  const underWay = asked(30_000)
  await Promise.all([expect(underWay).rejects.toMatchObject({ code: 'disconnected' }), bus.kill()])
  expect(performance.now() - begun).toBeLessThan(5_000)
  await expect(asked()).rejects.toMatchObject({ code: 'disconnected' })
})

test('a server that comes back finds askers and services at work again', TIMEOUT, async () => {
  await using bus = await startBus()
  await begin(await bus.connect('authn'), identifying(echo).options)
  const asker = await bus.connect('authz-serve')
  await bus.kill()
  await bus.up()
  const answer = await waitFor(
    () => ask(asker, subjects.identify, bytes('b'), ASK).catch(() => undefined),
    { ...SOON, what: 'an answer' },
  )
  expect(text(answer)).toBe('heard b')
})

test('a handler that fails is an error to the caller, not a silence', TIMEOUT, async () => {
  await using bus = await startBus()
  const { errors, options } = identifying(() => Promise.reject(new Error('no luck')))
  await begin(await bus.connect('authn'), options)
  const asker = await bus.connect('authz-serve')
  await expect(ask(asker, subjects.identify, bytes('a'), ASK)).rejects.toMatchObject({
    code: 'handler_failed',
  })
  expect(errors).toMatchObject([{ message: 'no luck' }])
})

test('requests beyond the bound wait, and beyond that bound are told so', TIMEOUT, async () => {
  await using bus = await startBus()
  const gate = Promise.withResolvers<void>()
  let running = 0
  let runningMost = 0
  const { options } = identifying(async (payload) => {
    runningMost = Math.max(runningMost, ++running)
    await gate.promise
    running--
    return payload
  })
  await begin(await bus.connect('authn'), options)
  const asker = await bus.connect('authz-serve')
  // Two run, eight wait, two are too many.
  const asked = Array.from({ length: 12 }, () => ask(asker, subjects.identify, bytes('a'), ASK))
  const settled = Promise.allSettled(asked)
  await expect(asked[11]).rejects.toMatchObject({ code: 'overloaded' })
  gate.resolve()
  const outcomes = (await settled).map(({ status }) => status)
  expect(outcomes.filter((status) => status === 'fulfilled')).toHaveLength(10)
  expect(runningMost).toBe(2)
})

test('draining answers all that was taken, and takes no more', TIMEOUT, async () => {
  await using bus = await startBus()
  const gate = Promise.withResolvers<void>()
  let begun = 0
  const { options } = identifying(async (payload) => {
    begun++
    await gate.promise
    return payload
  })
  const serving = await begin(await bus.connect('authn'), options)
  const asker = await bus.connect('authz-serve')
  const asked = Array.from({ length: 5 }, () => ask(asker, subjects.identify, bytes('a'), ASK))
  await waitFor(() => begun === 2, { ...SOON, what: 'two handlers to run' })
  const drained = serving.drain()
  await waitFor(
    () =>
      ask(asker, subjects.identify, bytes('b'), { timeoutMs: 200 }).then(
        () => false,
        (error) => error.code === 'no_responders',
      ),
    { ...SOON, what: 'the service to be out of the queue group' },
  )
  gate.resolve()
  await drained
  expect(await Promise.all(asked)).toHaveLength(5)
})

test('copies of a service share its questions', TIMEOUT, async () => {
  await using bus = await startBus()
  const answers = (who: string): ServeOptions =>
    identifying(() => Promise.resolve(bytes(who)), { concurrencyMax: 64 }).options
  await begin(await bus.connect('authn'), answers('one'))
  await begin(await bus.connect('authn'), answers('two'))
  const asker = await bus.connect('authz-serve')
  const asked = Array.from({ length: 64 }, () => ask(asker, subjects.identify, bytes('a'), ASK))
  const heard = (await Promise.all(asked)).map(text)
  expect(heard).toHaveLength(64)
  expect(new Set(heard)).toEqual(new Set(['one', 'two']))
})

test('a reply is sent to an inbox or not at all', TIMEOUT, async () => {
  await using bus = await startBus()
  let handled = 0
  const { errors, options } = identifying((payload) => {
    handled++
    return Promise.resolve(payload)
  })
  await begin(await bus.connect('authn'), options)
  const listener = await bus.connect('telemetry')
  const heard: string[] = []
  listener.subscribe('verdict.heartbeat.*.*', {
    callback: (_error, message) => void heard.push(message.subject),
  })
  await listener.flush()
  const asker = await bus.connect('authz-serve')
  // A subject to which authn may publish.
  asker.publish(subjects.identify, 'forged', { reply: 'verdict.heartbeat.authn.forged' })
  await waitFor(() => errors.length > 0, { ...SOON, what: 'the refusal' })
  await ask(asker, subjects.identify, bytes('a'), ASK)
  await listener.flush()
  expect(errors).toMatchObject([{ code: 'forbidden' }])
  expect(handled).toBe(1)
  expect(heard).toEqual([])
})
