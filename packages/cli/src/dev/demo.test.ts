import { readFile, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { portOf } from '@verdict/contract'
import { temporaryDirectory } from '@verdict/kit'
import { createLocalJWKSet, jwtVerify } from 'jose'
import { expect, test } from 'vitest'
import { createDemoIdentity, DEMO_AUDIENCE, DEMO_ISSUER } from './demo-identity.ts'
import { ENVOY_CONFIG_FILE, envoyConfigAt } from './envoy-config.ts'
import { portsFrom } from './ports.ts'
import { startShop } from './shop.ts'

async function verified(folder: string, user: string) {
  const header = await readFile(path.join(folder, `${user}.header`), 'utf8')
  const token = /^authorization: Bearer (\S+)\n$/.exec(header)?.[1] ?? ''
  const keys = createLocalJWKSet(JSON.parse(await readFile(path.join(folder, 'jwks.json'), 'utf8')))
  return await jwtVerify(token, keys, { issuer: DEMO_ISSUER, audience: DEMO_AUDIENCE })
}

test('the users of the demo have tokens that its published key verifies', async () => {
  await using folder = temporaryDirectory()
  const identity = await createDemoIdentity(folder.path, () => undefined)
  identity.stop()
  const alice = await verified(folder.path, 'alice')
  expect(alice.payload).toMatchObject({ sub: 'alice', roles: ['customer'] })
  const { iat = 0, exp = 0 } = alice.payload
  expect(exp - iat).toBe(24 * 3600)
  expect((await verified(folder.path, 'bob')).payload['roles']).toEqual(['support'])
  const issuers = JSON.parse(await readFile(identity.issuersFile, 'utf8'))
  expect(issuers.issuers).toEqual([
    {
      issuer: DEMO_ISSUER,
      audiences: [DEMO_AUDIENCE],
      jwks: { file: 'jwks.json' },
      algorithms: ['ES256'],
    },
  ])
})

test('the private key of the demo is not published, and only we may read its files', async () => {
  await using folder = temporaryDirectory()
  const identity = await createDemoIdentity(folder.path, () => undefined)
  identity.stop()
  const jwks = JSON.parse(await readFile(path.join(folder.path, 'jwks.json'), 'utf8'))
  expect(Object.keys(jwks.keys[0]).toSorted()).toEqual([
    'alg',
    'crv',
    'kid',
    'kty',
    'use',
    'x',
    'y',
  ])
  for (const name of ['issuer.jwk', 'alice.header', 'bob.header']) {
    expect((await stat(path.join(folder.path, name))).mode & 0o777).toBe(0o600)
  }
})

test('a second start keeps the key, and a damaged key is made anew', async () => {
  await using folder = temporaryDirectory()
  const key = path.join(folder.path, 'issuer.jwk')
  const again = async (): Promise<string> => {
    ;(await createDemoIdentity(folder.path, () => undefined)).stop()
    return await readFile(key, 'utf8')
  }
  const first = await again()
  expect(await again()).toBe(first)
  await writeFile(key, '{"kty":"EC"}')
  expect(await again()).not.toBe(first)
  expect((await verified(folder.path, 'alice')).payload.sub).toBe('alice')
})

test('the configuration of Envoy moves with the port base, and only in its ports', async () => {
  const file = await readFile(ENVOY_CONFIG_FILE, 'utf8')
  expect(await envoyConfigAt(portsFrom(undefined))).toBe(file)
  const moved = await envoyConfigAt(portsFrom(20_000))
  expect(moved.match(/port_value: \d+/g)).toEqual(
    (['envoy', 'authzGrpc', 'shop'] as const).map((name) => `port_value: ${portOf(name, 20_000)}`),
  )
  expect(moved.replaceAll(/port_value: \d+/g, '')).toBe(file.replaceAll(/port_value: \d+/g, ''))
})

test('the shop answers with its service and the identity headers that reached it', async () => {
  const shop = await startShop({ port: 0, host: '127.0.0.1' })
  try {
    const url = `http://127.0.0.1:${shop.port}`
    const headers = { 'x-verdict-principal': 'alice', 'x-other': 'no' }
    const order = await fetch(`${url}/orders/1?token=secret`, { method: 'PUT', headers })
    expect(await order.json()).toEqual({
      service: 'orders',
      method: 'PUT',
      path: '/orders/1',
      verdict: { 'x-verdict-principal': 'alice' },
    })
    expect((await fetch(`${url}/healthz`)).status).toBe(200)
    expect((await fetch(`${url}/nowhere`)).status).toBe(404)
  } finally {
    await shop.stop()
  }
})
