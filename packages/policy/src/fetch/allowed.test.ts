import { join } from 'node:path'
import { opaBinary, temporaryDirectory, writeFiles } from '@verdict/kit'
import { expect, test, vi } from 'vitest'
import { asking, fetchingBundle, opaAnswer, startService } from '../../test/services-under-test.ts'
import { buildBundle } from '../build.ts'
import { loadPolicy } from '../load.ts'
import { isPublic, lookupFor } from './addresses.ts'
import { Fetcher } from './fetcher.ts'
import { AllowedHosts, type Reach } from './hosts.ts'

vi.setConfig({ testTimeout: 60_000 })

const REGO = `import rego.v1

sent := http.send(input.request)

found := net.lookup_ip_addr(input.name)

plain := input.n + 1
`
const bundle = await fetchingBundle(REGO, ['p/sent', 'p/found', 'p/plain'])

test('a policy that asks others is refused at build time, with the file and the line', async () => {
  await using scratch = temporaryDirectory()
  const sources = join(scratch.path, 'policies')
  writeFiles(sources, {
    'shop/a.rego': 'package p\n\nx if net.lookup_ip_addr(input.a) == set()\n\nx if data.q.asks\n',
    'b.rego': 'package q\n\nasks if {\n\thttp.send({"method": "GET", "url": "http://a"})\n}\n',
  })
  const options = { opa: await opaBinary(), sources, entrypoints: ['p/x'], cacheDir: scratch.path }
  // The second time it comes from the cache.
  for (let time = 0; time < 2; time++) {
    const refused = await buildBundle(options).catch((error: unknown) => error)
    expect(refused).toMatchObject({ code: 'builtin_unsupported' })
    const { message } = refused as Error
    expect(message).toContain('shop/a.rego:3: `net.lookup_ip_addr`')
    expect(message).toContain('b.rego:4: `http.send`')
    expect(message).toContain('verdict policy data put')
  }
  const allowed = await buildBundle({ ...options, allowFetch: true })
  await expect(loadPolicy(allowed)).rejects.toMatchObject({
    code: 'builtin_unsupported',
    message: expect.stringContaining('b.rego:4: `http.send`'),
  })
})

test('a policy that was built elsewhere, without its plan, is refused when it is loaded', async () => {
  const { plan, sourcePlan, ...rest } = bundle
  expect(plan).toBeDefined()
  await expect(loadPolicy(rest)).rejects.toMatchObject({
    code: 'builtin_unsupported',
    message: expect.stringMatching(/`http.send`, `net.lookup_ip_addr`.*push what they know/),
  })
  const ask = await asking(rest, [])
  expect((await ask('plain', { n: 1 })).value).toBe(2)
})

test('a built-in that there is not is refused at build time, whatever is allowed', async () => {
  const rego = 'x := rego.parse_module("a.rego", input.text)\n'
  await expect(fetchingBundle(rego, ['p/x'])).rejects.toMatchObject({
    code: 'builtin_unsupported',
    message: expect.stringMatching(/p\.rego:3: `rego\.parse_module`: do without it/),
  })
})

test('only the rules that ask others wait, and only by who waits they have an answer', async () => {
  const hosts = AllowedHosts.parse([]) ?? expect.unreachable('an empty list is one')
  const policy = await loadPolicy(bundle, { fetcher: new Fetcher({ hosts }) })
  expect(policy.fetching?.has('p/sent')).toBe(true)
  expect(policy.fetching?.has('p/found')).toBe(true)
  expect(policy.fetching?.has('p/plain')).toBe(false)
  expect(policy.evaluate('p/plain', { n: 1 })).toBe(2)
  const request = { method: 'GET', url: 'http://a/' }
  expect(() => policy.evaluate('p/sent', { request })).toThrow(
    expect.objectContaining({ code: 'fetch_not_awaited' }),
  )
})

test('hosts are listed by name and port, and one that is no host is no list', () => {
  const hosts = AllowedHosts.parse(['a.example', 'B.example:8080', '*.c.example', '[::1]:90'])
  const reach = (name: string, port: number) => hosts?.reach(name, port, 80)
  expect(reach('A.Example', 80)).toBe('listed')
  expect(reach('a.example', 81)).toBeUndefined()
  expect(reach('b.example', 8080)).toBe('listed')
  expect(reach('b.example', 80)).toBeUndefined()
  expect(reach('x.y.c.example', 80)).toBe('suffix')
  for (const name of ['c.example', 'xc.example', 'c.example.d', '']) {
    expect(reach(name, 80)).toBeUndefined()
  }
  expect(reach('0:0::1', 90)).toBe('listed')
  const wrong = ['*', '*.', '*.1', 'a b', 'a:0', 'a:70000', 'http://a', 'a/b', '[a]', '', '*a.b']
  for (const text of wrong) expect(AllowedHosts.parse([text]), text).toBeUndefined()
})

test('a host that is not listed is not asked, and the operator learns of it', async () => {
  await using service = await startService((_, response) => void response.end('a'))
  const refused: string[] = []
  const onRefusedHost = (host: string) => refused.push(host)
  const ask = await asking(bundle, [`localhost:${service.port}`], { onRefusedHost })
  const host = `127.0.0.1:${service.port}`
  const request = { method: 'GET', url: `http://${host}/` }
  expect((await ask('sent', { request })).value).toBeUndefined()
  const told = await ask('sent', { request: { ...request, raise_error: false } })
  expect(told.value).toEqual({
    status_code: 0,
    error: { code: 'eval_http_send_internal_error', message: `disallowed host: ${host}` },
  })
  expect((await ask('found', { name: '127.0.0.1' })).value).toBeUndefined()
  expect(new Set(refused)).toEqual(new Set([host, '127.0.0.1']))
  const other = { ...request, url: `http://localhost:${service.port}/` }
  const named = { ...other, headers: { Host: 'elsewhere.example' } }
  expect((await ask('sent', { request: named })).value).toBeUndefined()
  expect(service.asked).toEqual([])
  expect((await ask('sent', { request: other })).value).toMatchObject({ raw_body: 'a' })
})

test('a redirect leads to hosts that are listed, and no further', async () => {
  await using other = await startService((_, response) => void response.end('there'))
  await using service = await startService((_, response) => {
    response.writeHead(302, { location: `${other.url}/` }).end()
  })
  const request = { method: 'GET', url: service.url, enable_redirect: true, raise_error: false }
  const [near, far] = [service, other].map(({ port }) => `127.0.0.1:${port}`)
  const refusing = await asking(bundle, [near ?? ''])
  const told = await refusing('sent', { request })
  expect(told.value).toMatchObject({ error: { code: 'eval_http_send_network_error' } })
  expect(other.asked).toEqual([])
  const allowing = await asking(bundle, [near ?? '', far ?? ''])
  expect((await allowing('sent', { request })).value).toMatchObject({ raw_body: 'there' })
})

test('a name of a listed suffix leads to public addresses alone', async () => {
  await using service = await startService((_, response) => void response.end('a'))
  const request = { method: 'GET', url: `http://a.localhost:${service.port}/` }
  const bySuffix = await asking(bundle, [`*.localhost:${service.port}`])
  expect((await bySuffix('sent', { request })).value).toBeUndefined()
  expect(service.asked).toEqual([])
  const looked = async (reach: Reach) =>
    await new Promise<readonly [error: Error | null, found: unknown]>((resolve) => {
      lookupFor(reach)('localhost', { all: true }, (error, found) => resolve([error, found]))
    })
  expect(await looked('listed')).toEqual([null, expect.arrayContaining([expect.anything()])])
  expect(await looked('suffix')).toEqual([expect.any(Error), []])
  for (const address of ['127.0.0.1', '10.1.2.3', '169.254.169.254', '100.64.0.1', '0.0.0.0']) {
    expect(isPublic({ address, family: 4 }), address).toBe(false)
  }
  for (const address of ['::1', 'fe80::1', 'fd00::1', '::ffff:127.0.0.1', '64:ff9b::a00:1']) {
    expect(isPublic({ address, family: 6 }), address).toBe(false)
  }
  expect(isPublic({ address: '93.184.215.14', family: 4 })).toBe(true)
  expect(isPublic({ address: '2606:2800:21f::1', family: 6 })).toBe(true)
})

test('the addresses of a listed name are those that the system finds', async () => {
  const ask = await asking(bundle, ['127.0.0.1:1', '[::1]', 'nowhere.invalid'])
  for (const [name, found] of [
    ['127.0.0.1', ['127.0.0.1']],
    ['::1', ['::1']],
    ['nowhere.invalid', undefined],
  ] as const) {
    expect((await ask('found', { name })).value).toEqual(found)
    expect(await opaAnswer(REGO, 'found', { name })).toEqual(found)
  }
})

test.each([
  ['tls_insecure_skip_verify', true],
  ['tls_ca_cert_file', '/etc/passwd'],
  ['tls_client_key_env_variable', 'HOME'],
])('a request with %s is a fault that says what to do', async (name, value) => {
  const ask = await asking(bundle, ['a.example'])
  const request = { method: 'GET', url: 'http://a.example', raise_error: false, [name]: value }
  await expect(ask('sent', { request })).rejects.toMatchObject({
    code: 'fetch_unsupported',
    message: expect.stringContaining(`\`${name}\``),
  })
})
