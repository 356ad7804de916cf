import { rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort, temporaryDirectory, waitFor } from '@verdict/kit'
import { type JWTHeaderParameters, jwtVerify } from 'jose'
import { beforeAll, expect, test } from 'vitest'
import { KeyServer } from '../test/key-server.ts'
import { AUDIENCE, createSigner, ISSUER, keySet, type Signer } from '../test/signer.ts'
import type { AuthnError } from './errors.ts'
import { ALGORITHMS } from './issuers.ts'
import { KeyFile } from './key-file.ts'
import { KEYS_BYTES_MAX, type KeySource } from './key-set.ts'
import { KeyUrl, type KeyUrlOptions } from './key-url.ts'
import { TokenVerifier } from './token.ts'

const WAIT = { deadlineMs: 10_000, what: 'the keys' } as const
const CALM: KeyUrlOptions = {
  refreshMs: 3_600_000,
  staleMaxMs: 7_200_000,
  cooldownMs: 3_600_000,
  timeoutMs: 2000,
}

let first: Signer
let second: Signer

beforeAll(async () => {
  first = await createSigner('ES256', 'k1')
  second = await createSigner('ES256', 'k2')
})

class Recorder {
  readonly refreshed: number[] = []
  readonly failed: AuthnError[] = []
  onRefreshed(keys: number): void {
    this.refreshed.push(keys)
  }
  onRefreshFailed(error: AuthnError): void {
    this.failed.push(error)
  }
}

/** `ok`, or the code of the error with which the key was not found. */
async function verify(source: KeySource, signer: Signer): Promise<string> {
  try {
    await jwtVerify(await signer.token(), source.find)
    return 'ok'
  } catch (thrown) {
    return (thrown as AuthnError).code
  }
}

const NO_MATCH = 'ERR_JWKS_NO_MATCHING_KEY'

test('the keys of a file are read again when a token needs a new one', async () => {
  await using directory = temporaryDirectory()
  const path = join(directory.path, 'keys.json')
  await writeFile(path, keySet(first))
  const recorder = new Recorder()
  const source = await KeyFile.open(path, recorder)
  expect(await verify(source, first)).toBe('ok')
  expect(await verify(source, second)).toBe(NO_MATCH)
  // As a Kubernetes mount does it: the new file takes the name of the old.
  await writeFile(`${path}.new`, keySet(first, second))
  await rename(`${path}.new`, path)
  expect(await verify(source, second)).toBe('ok')
  expect(recorder.refreshed).toEqual([2])
})

test('a key that was taken out of the file is used no more', async () => {
  await using directory = temporaryDirectory()
  const path = join(directory.path, 'keys.json')
  await writeFile(path, keySet(first, second))
  const source = await KeyFile.open(path, new Recorder())
  expect(await verify(source, first)).toBe('ok')
  await writeFile(path, keySet(second))
  await waitFor(async () => (await verify(source, first)) === NO_MATCH, WAIT)
})

test('a file that breaks or goes leaves the keys as they are, and is told once', async () => {
  await using directory = temporaryDirectory()
  const path = join(directory.path, 'keys.json')
  await writeFile(path, keySet(first))
  const recorder = new Recorder()
  const source = await KeyFile.open(path, recorder)
  await writeFile(path, '{"keys":')
  for (let i = 0; i < 3; i++) expect(await verify(source, second)).toBe(NO_MATCH)
  expect(recorder.failed.map(({ code }) => code)).toEqual(['malformed_keys'])
  await rm(path)
  for (let i = 0; i < 3; i++) expect(await verify(source, second)).toBe(NO_MATCH)
  expect(recorder.failed.map(({ code }) => code)).toEqual(['malformed_keys', 'keys_unavailable'])
  expect(await verify(source, first)).toBe('ok')
  await writeFile(path, keySet(second))
  expect(await verify(source, second)).toBe('ok')
})

test('a file that is missing, broken or too long is no source', async () => {
  await using directory = temporaryDirectory()
  const path = join(directory.path, 'keys.json')
  await expect(KeyFile.open(path, new Recorder())).rejects.toMatchObject({
    code: 'keys_unavailable',
  })
  await writeFile(path, '[]')
  await expect(KeyFile.open(path, new Recorder())).rejects.toMatchObject({ code: 'malformed_keys' })
  await writeFile(path, keySet(first).padEnd(KEYS_BYTES_MAX + 1))
  await expect(KeyFile.open(path, new Recorder())).rejects.toMatchObject({ code: 'malformed_keys' })
})

test('the keys of a URL are fetched once for many tokens', async () => {
  await using server = await KeyServer.start(await freePort(), keySet(first))
  const source = new KeyUrl(server.url, CALM, new Recorder())
  expect(source.loaded).toBe(false)
  const results = await Promise.all(Array.from({ length: 20 }, () => verify(source, first)))
  expect(new Set(results)).toEqual(new Set(['ok']))
  expect(server.requests).toBe(1)
  expect(source.loaded).toBe(true)
})

test('an unknown key causes one fetch, and none until the cool-down is over', async () => {
  await using server = await KeyServer.start(await freePort(), keySet(first))
  const hasty = new KeyUrl(server.url, { ...CALM, cooldownMs: 0 }, new Recorder())
  expect(await verify(hasty, first)).toBe('ok')
  server.body = keySet(first, second)
  expect(await verify(hasty, second)).toBe('ok')
  expect(server.requests).toBe(2)

  server.body = keySet(first)
  server.requests = 0
  const calm = new KeyUrl(server.url, CALM, new Recorder())
  expect(await verify(calm, first)).toBe('ok')
  for (let i = 0; i < 5; i++) expect(await verify(calm, second)).toBe(NO_MATCH)
  expect(server.requests).toBe(1)
})

test('old keys are fetched anew beside the verification', async () => {
  await using server = await KeyServer.start(await freePort(), keySet(first))
  const source = new KeyUrl(server.url, { ...CALM, refreshMs: 1 }, new Recorder())
  expect(await verify(source, first)).toBe('ok')
  server.body = keySet(second)
  await waitFor(async () => (await verify(source, first)) === NO_MATCH, WAIT)
  expect(await verify(source, second)).toBe('ok')
})

test('a URL that never answered is a fault, and is not asked at each token', async () => {
  const port = await freePort()
  const recorder = new Recorder()
  const url = new URL(`http://127.0.0.1:${port}/keys`)
  const source = new KeyUrl(url, CALM, recorder)
  for (let i = 0; i < 5; i++) expect(await verify(source, first)).toBe('keys_unavailable')
  expect(recorder.failed).toHaveLength(1)
  expect(recorder.failed[0]?.message).toContain('ECONNREFUSED')
})

test('a URL that comes up is used after the cool-down', async () => {
  await using server = await KeyServer.start(await freePort(), keySet(first))
  await server.down()
  const source = new KeyUrl(server.url, { ...CALM, cooldownMs: 50 }, new Recorder())
  expect(await verify(source, first)).toBe('keys_unavailable')
  await server.up()
  await waitFor(async () => (await verify(source, first)) === 'ok', WAIT)
})

test('known keys verify on while the URL is down, and unknown ones are a fault', async () => {
  await using server = await KeyServer.start(await freePort(), keySet(first))
  const recorder = new Recorder()
  const options = { ...CALM, refreshMs: 1, cooldownMs: 1 }
  const source = new KeyUrl(server.url, options, recorder)
  expect(await verify(source, first)).toBe('ok')
  await server.down()
  await waitFor(async () => {
    expect(await verify(source, first)).toBe('ok')
    return recorder.failed.length > 2
  }, WAIT)
  // Nobody can say now whether the issuer has this key.
  expect(await verify(source, second)).toBe('keys_unavailable')
  await server.up()
  await waitFor(async () => (await verify(source, second)) === NO_MATCH, WAIT)
})

test('keys that are too old are used no more while the URL is down', async () => {
  await using server = await KeyServer.start(await freePort(), keySet(first))
  const options = { ...CALM, refreshMs: 1, staleMaxMs: 300, cooldownMs: 1 }
  const source = new KeyUrl(server.url, options, new Recorder())
  expect(await verify(source, first)).toBe('ok')
  await server.down()
  await waitFor(async () => (await verify(source, first)) === 'keys_unavailable', WAIT)
  expect(source.loaded).toBe(false)
})

test('an answer that is not a JWK Set, an error, a redirect or too long is a fault', async () => {
  await using server = await KeyServer.start(await freePort(), '')
  const cases: Record<string, KeyServer['answer']> = {
    'the status is 500': (response) => response.writeHead(500).end(keySet(first)),
    'the status is 302': (response) =>
      response.writeHead(302, { location: 'https://evil.example/' }).end(),
    'it is not JSON': (response) => response.end('<html>'),
    'it has no list': (response) => response.end('{}'),
    'is longer than': (response) => response.end(keySet(first).padEnd(KEYS_BYTES_MAX + 1)),
  }
  for (const [message, answer] of Object.entries(cases)) {
    server.answer = answer
    const recorder = new Recorder()
    const source = new KeyUrl(server.url, CALM, recorder)
    expect(await verify(source, first)).toBe('keys_unavailable')
    expect(recorder.failed[0]?.message).toContain(message)
  }
})

test('a URL that does not answer in time is a fault', async () => {
  await using server = await KeyServer.start(await freePort(), '')
  server.answer = () => undefined
  const source = new KeyUrl(server.url, { ...CALM, timeoutMs: 100 }, new Recorder())
  expect(await verify(source, first)).toBe('keys_unavailable')
})

test('a token without a key id finds its key among several of a URL', async () => {
  await using server = await KeyServer.start(await freePort(), keySet(first, second))
  const source = new KeyUrl(server.url, CALM, new Recorder())
  const issuer = { issuer: ISSUER, audiences: [AUDIENCE], keys: { url: server.url }, source }
  const verifier = new TokenVerifier([{ ...issuer, algorithms: ALGORITHMS }], {
    clockToleranceMs: 0,
  })
  const header = { kid: undefined } as unknown as JWTHeaderParameters
  expect(await verifier.verify(await second.token({}, header))).toMatchObject({ valid: true })
})
