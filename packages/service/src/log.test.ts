import { expect, test } from 'vitest'
import { createLog } from './log.ts'

function capture(level?: string) {
  const lines: string[] = []
  const destination = { write: (line: string) => void lines.push(line) }
  const named = { service: 'authz', instance: 'authz-1', destination } as const
  const log = createLog(level === undefined ? named : { ...named, level })
  return { log, lines, last: () => JSON.parse(lines.at(-1) ?? '{}') }
}

test('a line tells service, instance, level as a word and the time in RFC 3339', () => {
  const { log, last } = capture()
  log.warn({ event: 'something' }, 'it happened')
  expect(last()).toEqual({
    level: 'warn',
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    service: 'authz',
    instance: 'authz-1',
    event: 'something',
    msg: 'it happened',
  })
})

test('lines below the level are left out', () => {
  const { log, lines } = capture('error')
  log.warn('no')
  log.error('yes')
  expect(lines).toHaveLength(1)
})

test('secrets never reach the log', () => {
  const { log, lines } = capture()
  log.info({ authorization: 'Bearer s3cr3t', token: 's3cr3t' })
  log.info({ request: { authorization: 's3cr3t', cookie: 's3cr3t' } })
  log.info({ headers: { authorization: 's3cr3t', 'x-forwarded-client-cert': 's3cr3t' } })
  log.info({ request: { headers: { authorization: 's3cr3t', cookie: 's3cr3t' } } })
  log.info({ seed: 's3cr3t', key: { seed: 's3cr3t', password: 's3cr3t' } })
  expect(lines).toHaveLength(5)
  expect(lines.join('')).not.toContain('s3cr3t')
  expect(lines.join('')).toContain('[redacted]')
})

test('an error is told with its code and causes, without the fields that libraries add', () => {
  const { log, last } = capture()
  const cause = Object.assign(new Error('inner'), { code: 'EINNER' })
  const error = Object.assign(new Error('outer', { cause }), { payload: { email: 'a@b' } })
  log.error({ err: error })
  expect(last().err).toMatchObject({
    name: 'Error',
    message: 'outer',
    stack: expect.stringContaining('log.test.ts'),
    cause: { message: 'inner', code: 'EINNER' },
  })
  expect(JSON.stringify(last())).not.toContain('a@b')
})

test('a chain of causes that leads back to itself is cut', () => {
  const { log, last } = capture()
  const error = new Error('round')
  error.cause = error
  log.error({ err: error })
  expect(last().err.cause.cause.message).toBe('round')
})
