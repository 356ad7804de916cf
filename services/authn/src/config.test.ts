import { helpText, readConfig } from '@verdict/service'
import { expect, test } from 'vitest'
import { settings } from './config.ts'
import { authn } from './service.ts'

test('authn starts without any setting', () => {
  expect(readConfig(settings, {}, 'authn')).toMatchObject({
    httpPort: 8182,
    issuersFile: undefined,
    forwardedClientCert: 'ignore',
    cacheMaxMs: 300_000,
  })
})

test('unknown and malformed settings are told together', () => {
  const env = {
    VERDICT_AUTHN_HTTP_PORT: 'http',
    VERDICT_AUTHN_FORWARDED_CLIENT_CERT: 'yes',
    VERDICT_AUTHN_CLOCK_TOLERANCE: '61s',
    VERDICT_AUTHN_ISSUER: '/etc/issuers.json',
  }
  expect(() => readConfig(settings, env, 'authn')).toThrow(
    expect.objectContaining({
      problems: [
        expect.objectContaining({ env: 'VERDICT_AUTHN_HTTP_PORT' }),
        expect.objectContaining({ env: 'VERDICT_AUTHN_FORWARDED_CLIENT_CERT' }),
        expect.objectContaining({ env: 'VERDICT_AUTHN_CLOCK_TOLERANCE' }),
        expect.objectContaining({
          message: expect.stringContaining('did you mean VERDICT_AUTHN_ISSUERS?'),
        }),
      ],
    }),
  )
})

test('the help mentions every setting', () => {
  const text = helpText(authn)
  for (const { env, help } of Object.values(settings)) {
    expect(text).toContain(env)
    expect(text).toContain(help)
  }
})
