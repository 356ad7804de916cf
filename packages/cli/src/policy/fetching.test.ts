import path from 'node:path'
import { opaBinary, temporaryDirectory, writeFiles } from '@verdict/kit'
import { expect, test } from 'vitest'
import { verdict } from '../../test/captured.ts'

test('policies that ask other services are refused with their place, unless they may', async () => {
  await using scratch = temporaryDirectory()
  const policies = path.join(scratch.path, 'shop')
  const output = path.join(scratch.path, 'shop.tar.gz')
  writeFiles(policies, {
    'shop.rego':
      'package shop\n\nallow if http.send({"method": "GET", "url": input.url}).body.good\n',
  })
  const named = ['--policies', policies, '--entrypoint', 'shop/allow', '--output', output]
  const env = { VERDICT_OPA_BIN: await opaBinary() }
  const refused = await verdict(['policy', 'build', ...named], { env })
  expect(refused.code).not.toBe(0)
  expect(refused.err).toContain('shop.rego:3: `http.send`')
  expect(refused.err).toContain('verdict policy data put')
  const taken = await verdict(['policy', 'build', ...named, '--allow-fetch'], { env })
  expect(taken).toMatchObject({ code: 0, err: '' })
})
