import { renameSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { digestOf, opaBundle, temporaryDirectory, waitFor } from '@verdict/kit'
import { signBundle } from '@verdict/policy'
import { expect, onTestFinished, test, vi } from 'vitest'
import type { HttpSource } from '../src/bundles/bundle-source.ts'
import { BundlesUnderTest, bundleOf, forged, ops, SOON } from './bundles-under-test.ts'

/** Bundles of a server as OPA has them, made by OPA itself. */

vi.setConfig({ testTimeout: 90_000 })

class BundleServer {
  readonly #served = new Map<string, Uint8Array>()
  readonly #server = createServer((request, response) => {
    const archive = this.#served.get(request.url ?? '')
    this.asked += 1
    if (archive === undefined) return void response.writeHead(404).end()
    const etag = `"${digestOf(archive)}"`
    if (request.headers['if-none-match'] === etag) {
      this.unchanged += 1
      return void response.writeHead(304, { etag }).end()
    }
    response.writeHead(200, { etag, 'content-type': 'application/gzip' }).end(archive)
  })
  asked = 0
  unchanged = 0

  static async start(): Promise<BundleServer> {
    const server = new BundleServer()
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve))
    onTestFinished(async () => {
      server.#server.closeAllConnections()
      await new Promise((resolve) => server.#server.close(resolve))
    })
    return server
  }

  serve(name: string, archive: Uint8Array): void {
    this.#served.set(`/${name}`, archive)
  }

  source(name: string): HttpSource {
    const { port } = this.#server.address() as AddressInfo
    const url = new URL(`http://127.0.0.1:${port}/${name}`)
    return { kind: 'http', url, minDelayMs: 100, maxDelayMs: 200, sizeMax: 1024 ** 2 }
  }
}

test('a bundle of a server is followed; what is refused is told once and leaves it active', async () => {
  const server = await BundleServer.start()
  const source = server.source('shop')
  await using it = await BundlesUnderTest.open({ bundles: { shop: source } })
  await it.refuses('shop: bundle_withdrawn')
  server.serve('shop', await bundleOf('shop', 2))
  await it.says('shop 2')
  await waitFor(() => server.unchanged > 0, { ...SOON, what: 'a question for news' })
  const three = await bundleOf('shop', 3)
  const unsigned = await bundleOf('shop', 3, { key: undefined })
  const outside = await signBundle(forged(unsigned, '["shop"]', '["shap"]'), ops.signing)
  for (const [code, archive] of [
    ['bundle_unsigned', unsigned],
    ['bundle_tampered', forged(three, 'shop 3', 'shop 9')],
    ['bundle_roots_violated', outside],
    ['bundle_older', await bundleOf('shop', 1)],
    ['bundle_unordered', await bundleOf('shop', 'v4')],
  ] as const) {
    const before = it.refused.length
    server.serve('shop', archive)
    await it.tells(`refused: ${code}`)
    const asked = server.asked
    await waitFor(() => server.asked > asked + 2, { ...SOON, what: 'further questions' })
    expect(it.refused.slice(before)).toEqual([`shop: ${code}`])
    expect(it.reason()).toBe('shop 2')
  }
  server.serve('shop', three)
  await it.says('shop 3')
})

test('a start without the server has the last good one, and asks for a newer one only', async () => {
  const server = await BundleServer.start()
  server.serve('shop', await bundleOf('shop', 2))
  const bundles = { shop: server.source('shop') }
  await using scratch = temporaryDirectory()
  const dataDir = scratch.path
  {
    await using it = await BundlesUnderTest.open({ bundles, dataDir })
    await it.says('shop 2')
  }
  const { unchanged } = server
  {
    await using it = await BundlesUnderTest.open({ bundles, dataDir })
    expect(it.reason()).toBe('shop 2')
    await waitFor(() => server.unchanged > unchanged, { ...SOON, what: 'a 304' })
    server.serve('shop', await bundleOf('shop', 1))
    await it.refuses('shop: bundle_older')
  }
  const nowhere = { ...bundles.shop, url: new URL('http://127.0.0.1:9/shop') }
  await using it = await BundlesUnderTest.open({ bundles: { shop: nowhere }, dataDir })
  await it.refuses('shop: bundle_unreachable')
  expect(it.reason()).toBe('shop 2')
})

test('Rego alone is compiled for the rules that settings and routes name below its roots', async () => {
  const server = await BundleServer.start()
  const package_ = 'package shop\n\nallow := {"reason": "allow"}\n\nlater := {"reason": "later"}\n'
  const archive = await opaBundle({
    files: { 'shop.rego': package_ },
    ...{ roots: ['shop'], revision: '1', key: ops },
  })
  server.serve('shop', archive)
  server.serve('other', await bundleOf('other', 1, { isRego: true }))
  await using scratch = temporaryDirectory()
  const routes = join(scratch.path, 'routes.json')
  const route = (...rules: string[]): void => {
    const text = JSON.stringify({
      routes: rules.map((rule) => ({ path: `/${rule}`, entrypoint: rule })),
    })
    writeFileSync(`${routes}.part`, text)
    renameSync(`${routes}.part`, routes)
  }
  route('shop/allow')
  await using it = await BundlesUnderTest.open({
    bundles: { shop: server.source('shop'), other: server.source('other') },
    dataDir: scratch.path,
    routes,
  })
  await it.says('allow')
  await it.refuses('other: bundle_without_entrypoint')
  expect(it.reason('shop/later')).toBeUndefined()
  route('shop/later', 'other/allow')
  await it.says('later', 'shop/later')
  await it.says('other 1', 'other/allow')
  expect(it.reason()).toBe('allow')
  const inForce = () => it.policies.active?.routes?.entrypoints
  await waitFor(() => inForce()?.length === 2, { ...SOON, what: 'the routes' })
  // No bundle has it: the routes before stay.
  route('shop/missing')
  await it.tells('the routes were refused')
  expect(inForce()).toEqual(['shop/later', 'other/allow'])
  expect([it.reason(), it.reason('shop/later')]).toEqual(['allow', 'later'])
})
