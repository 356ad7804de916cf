import { CONSUMERS, DECISIONS, JOURNAL_BATCH_BYTES_MAX, subjects } from '@verdict/contract'
import { startBus, waitFor } from '@verdict/kit'
import { expect, test } from 'vitest'
import { consume } from './consume.ts'
import { askJetStream } from './jetstream-api.ts'
import { storeBatch } from './store-batch.ts'

const TIMEOUT = { timeout: 60_000 }
const STORE = { timeoutMs: 2_000 }
const subject = subjects.journal('authz-1')
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

test('a batch is stored, and the place of it is told', TIMEOUT, async () => {
  await using bus = await startBus()
  const recorder = await bus.connect('authz-record')
  expect(await storeBatch(recorder, subject, bytes('one\n'), STORE)).toEqual({
    stream: DECISIONS.name,
    seq: 1,
  })
  expect(await storeBatch(recorder, subject, bytes('one\n'), STORE)).toMatchObject({ seq: 2 })
})

test('the largest batch is stored; a larger one is refused by name', TIMEOUT, async () => {
  await using bus = await startBus()
  const recorder = await bus.connect('authz-record')
  const stored = storeBatch(recorder, subject, new Uint8Array(JOURNAL_BATCH_BYTES_MAX), STORE)
  await expect(stored).resolves.toMatchObject({ seq: 1 })
  const refused = storeBatch(recorder, subject, new Uint8Array(1_000_000), STORE)
  await expect(refused).rejects.toMatchObject({ code: 'store_refused', errCode: 10054 })
})

test('a full stream refuses a batch, and keeps those it has', TIMEOUT, async () => {
  await using bus = await startBus({ maxBytes: JOURNAL_BATCH_BYTES_MAX + 1024 })
  const recorder = await bus.connect('authz-record')
  const batch = new Uint8Array(JOURNAL_BATCH_BYTES_MAX)
  await storeBatch(recorder, subject, batch, STORE)
  await expect(storeBatch(recorder, subject, batch, STORE)).rejects.toMatchObject({
    code: 'store_refused',
    errCode: 10077,
    message: expect.stringContaining('maximum bytes exceeded'),
  })
  // Whoever goes on sending it has it stored when there is room.
  const admin = await bus.connect('provisioner')
  const info = await askJetStream(admin, `STREAM.INFO.${DECISIONS.name}`)
  const config = { ...info.config, max_bytes: 4 * JOURNAL_BATCH_BYTES_MAX }
  await askJetStream(admin, `STREAM.UPDATE.${DECISIONS.name}`, config)
  await expect(storeBatch(recorder, subject, batch, STORE)).resolves.toMatchObject({ seq: 2 })
})

test('where there is no stream nothing is stored, and it is said', TIMEOUT, async () => {
  await using bus = await startBus({ provisioned: false })
  const recorder = await bus.connect('authz-record')
  await expect(storeBatch(recorder, subject, bytes('one\n'), STORE)).rejects.toMatchObject({
    code: 'no_responders',
  })
})

test(
  'with retries nothing is lost when the server is killed again and again',
  TIMEOUT,
  async () => {
    await using bus = await startBus()
    const recorder = await bus.connect('authz-record')
    const total = 150
    const store = async (n: number): Promise<void> => {
      await waitFor(
        () => storeBatch(recorder, subject, bytes(`${n}\n`), STORE).catch(() => undefined),
        { deadlineMs: 30_000, what: `batch ${n} to be stored` },
      )
    }
    for (let n = 1; n <= total; n++) {
      const stored = store(n)
      if (n % 50 === 0) {
        await bus.kill()
        await bus.up()
      }
      await stored
    }
    const order: number[] = []
    const stop = new AbortController()
    const reading = consume(await bus.connect('audit'), {
      stream: DECISIONS.name,
      durable: CONSUMERS.audit,
      handler: ({ data }) =>
        Promise.resolve(void order.push(Number(new TextDecoder().decode(data)))),
      onError: () => {},
      signal: stop.signal,
    })
    await waitFor(() => order.includes(total), { deadlineMs: 20_000, what: 'the last batch' })
    stop.abort()
    await reading.done
    expect([...new Set(order)]).toEqual(Array.from({ length: total }, (_, index) => index + 1))
  },
)
