import path from 'node:path'
import { storeBatch } from '@verdict/bus'
import { ServiceProcess, startBus, TestJournal, temporaryDirectory, waitFor } from '@verdict/kit'
import { expect, test } from 'vitest'
import { verdict } from '../../test/captured.ts'

const SOON = { deadlineMs: 30_000 }

test('of a running audit service: a receipt is fetched, and it and the whole log verify', {
  timeout: 60_000,
}, async () => {
  await using dir = temporaryDirectory()
  await using bus = await startBus()
  await using audit = await ServiceProcess.start('audit', bus, {
    VERDICT_AUDIT_DATA_DIR: path.join(dir.path, 'data'),
    VERDICT_AUDIT_ORIGIN: 'log.example/audit',
  })
  const recorder = await bus.connect('authz-record')
  const journal = new TestJournal('authz-1', Date.parse('2026-03-01T00:00:00Z'))
  for (let i = 0; i < 6; i++) {
    const { data, subject } = journal.message(journal.appendAll(50))
    await storeBatch(recorder, subject, data, { timeoutMs: 5_000 })
  }
  const id = journal.lines.at(-1)?.record.id ?? ''
  const receipt = path.join(dir.path, 'receipt.txt')
  const at = ['--audit', audit.url('')]
  const fetched = () => verdict(['audit', 'receipt', id, '--out', receipt, ...at])
  await waitFor(async () => (await fetched()).code === 0, { ...SOON, what: 'the receipt' })
  const { vkey } = await audit.get<{ vkey: string }>('/v1/log')
  const proven = await verdict(['audit', 'verify', receipt, '--key', vkey])
  expect([proven.code, proven.out]).toEqual([0, expect.stringContaining(id)])
  const printed = await verdict(['audit', 'receipt', id, ...at])
  expect(printed.out).toMatch(/^c2sp\.org\/tlog-proof@v1\n/)
  const unknown = '019a9b3c-5b7e-7cc3-98c4-dc0c0c07398f'
  const none = await verdict(['audit', 'receipt', unknown, ...at])
  expect([none.code, none.err]).toEqual([1, expect.stringContaining('has no decision')])

  const whole = await verdict(['audit', 'verify', '--key', vkey, '--instance', 'authz-1', ...at])
  expect([whole.code, whole.err]).toEqual([0, ''])
  expect(whole.out).toContain('authz-1, journal 1772323200000: places 1 to 300; all sealed')
  expect(whole.out).toContain('places 1 to 300 of journal 1772323200000 are all there')
  expect(await audit.end('SIGTERM')).toBe(0)
  const onDisk = ['audit', 'verify', '--key', vkey, '--log', path.join(dir.path, 'data'), '--json']
  const { code, out } = await verdict(onDisk)
  expect([code, JSON.parse(out)]).toMatchObject([0, { verified: true, decisions: 300 }])
})
