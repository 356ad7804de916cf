import { expect, expectTypeOf, test } from 'vitest'
import { type Environment, formatConfigError, readConfig } from './config.ts'
import { ConfigError } from './errors.ts'
import { commonSettings, type Settings, setting } from './settings.ts'

const settings = {
  ...commonSettings,
  port: setting.port({ env: 'VERDICT_AUTHN_HTTP_PORT', default: 8182, help: 'A port.' }),
  mode: setting.oneOf({
    env: 'VERDICT_AUTHN_MODE',
    values: ['ignore', 'trust'],
    default: 'ignore',
    help: 'A mode.',
  }),
  name: setting.text({ env: 'VERDICT_AUTHN_NAME', optional: true, help: 'A name.' }),
} as const

function problemsOf(table: Settings, env: Environment): readonly string[] {
  try {
    readConfig(table, env, 'authn')
  } catch (thrown) {
    if (thrown instanceof ConfigError) return thrown.problems.map(({ message }) => message)
    throw thrown
  }
  return []
}

test('an empty environment gives the defaults, with the types of the settings', () => {
  const config = readConfig(settings, {}, 'authn')
  expectTypeOf(config.port).toEqualTypeOf<number>()
  expectTypeOf(config.mode).toEqualTypeOf<'ignore' | 'trust'>()
  expectTypeOf(config.name).toEqualTypeOf<string | undefined>()
  expect(config).toMatchObject({
    natsUrl: 'nats://127.0.0.1:4222',
    host: '127.0.0.1',
    logLevel: 'info',
    stopTimeoutMs: 10_000,
    port: 8182,
    mode: 'ignore',
    name: undefined,
  })
  expect(config.keysDir).toBe(`${process.cwd()}/.verdict/keys`)
})

test('the environment overrides defaults', () => {
  const env = {
    VERDICT_AUTHN_HTTP_PORT: '9999',
    VERDICT_AUTHN_MODE: 'trust',
    VERDICT_AUTHN_NAME: 'x',
    VERDICT_STOP_TIMEOUT: '1m',
    VERDICT_NATS_URL: 'nats://a:4222,tls://b:4222',
  }
  expect(readConfig(settings, env, 'authn')).toMatchObject({
    port: 9999,
    mode: 'trust',
    name: 'x',
    stopTimeoutMs: 60_000,
    natsUrl: 'nats://a:4222,tls://b:4222',
  })
})

test('every problem is told at once, with the name, the value and the accepted form', () => {
  const env = {
    VERDICT_AUTHN_HTTP_PORT: '80a',
    VERDICT_AUTHN_MODE: 'Trust',
    VERDICT_AUTHN_NAME: '',
    VERDICT_AUTHN_TYPO: '1',
    VERDICT_NATS_URL: 'nats://user:pw@a:4222',
  }
  expect(problemsOf(settings, env)).toEqual([
    expect.stringMatching(/^VERDICT_NATS_URL can't be .*: expected a URL of scheme nats or tls/),
    "VERDICT_AUTHN_HTTP_PORT can't be `80a`: expected a port from 1 to 65535",
    "VERDICT_AUTHN_MODE can't be `Trust`: expected one of ignore, trust",
    'VERDICT_AUTHN_NAME is empty: expected a text; unset it for none',
    'VERDICT_AUTHN_TYPO is not a setting of authn: unset it, or see --help for the names',
  ])
})

test('a setting without a default must be given, unless it is optional', () => {
  const table = {
    needed: setting.path({ env: 'VERDICT_NEEDED', help: 'Needed.' }),
    spare: setting.path({ env: 'VERDICT_SPARE', optional: true, help: 'Spare.' }),
  }
  expect(problemsOf(table, {})).toEqual([
    'VERDICT_NEEDED is missing: expected the path of a file or folder',
  ])
})

test('a misspelled name is told with the name that was meant', () => {
  expect(problemsOf(settings, { VERDICT_AUTHN_HTTP_PROT: '1' })).toEqual([
    'VERDICT_AUTHN_HTTP_PROT is not a setting of authn: did you mean VERDICT_AUTHN_HTTP_PORT?',
  ])
})

test('the settings of the other services and of the toolchain are let pass', () => {
  const env = {
    VERDICT_AUTHZ_ANYTHING: '1',
    VERDICT_AUDIT_X: '1',
    VERDICT_OPA_BIN: '/bin/opa',
    VERDICT_TOKEN: 'a',
  }
  expect(problemsOf(settings, env)).toEqual([])
})

test('a secret value is in no message, also where it is malformed', () => {
  const table = {
    secret: setting.oneOf({ env: 'VERDICT_S', values: ['a'], secret: true, help: 'S.' }),
  }
  const [problem] = problemsOf(table, { VERDICT_S: 'hunter2' })
  expect(problem).toContain('VERDICT_S')
  expect(problem).not.toContain('hunter2')
})

test('the report for people has one line for each problem', () => {
  const error = new ConfigError([
    { env: 'VERDICT_A', message: 'VERDICT_A is missing' },
    { env: 'VERDICT_B', message: 'VERDICT_B is missing' },
  ])
  expect(formatConfigError('authz', error)).toBe(
    "verdict authz can't start: 2 settings can't be used\n" +
      '  VERDICT_A is missing\n  VERDICT_B is missing\n',
  )
})
